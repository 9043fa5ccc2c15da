// See `api-schemas`, which puts this file where its modules are.
import fs from 'node:fs'
import path from 'node:path'
import Ajv from 'ajv'
import addFormats from 'ajv-formats'
import { buildSchema, parse, validate } from 'graphql'
import { getVariableValues } from 'graphql/execution/values.js'

const here = import.meta.dirname
const read = (name) => fs.readFileSync(path.join(here, name), 'utf8')
// As published it defines two fields twice.
const published = read('node_modules/@octokit/graphql-schema/schema.graphql')
const schema = buildSchema(published, { assumeValid: true, assumeValidSDL: true })
const descriptions = ['api.github.com', 'ghes-3.17'].map((name) => ({
  name,
  paths: JSON.parse(read(`${name}.deref.json`)).paths,
}))
const ajv = addFormats(new Ajv({ strict: false, allErrors: true }))

/** What is wrong with a GraphQL document or its variables. */
function graphql({ query, variables }) {
  let document
  try {
    document = parse(query)
  } catch (error) {
    return [error.message]
  }
  const errors = validate(schema, document)
  if (errors.length > 0) return errors.map((error) => error.message)
  const [operation] = document.definitions
  const declared = operation.variableDefinitions ?? []
  const names = declared.map((definition) => definition.variable.name.value)
  const unknown = Object.keys(variables ?? {}).filter((name) => !names.includes(name))
  const coerced = getVariableValues(schema, declared, variables ?? {})
  return [
    ...unknown.map((name) => `the variable $${name} is not declared`),
    ...(coerced.errors ?? []).map((error) => error.message),
  ]
}

/** The properties of a value that its schema does not know: JSON Schema lets them pass. */
function unknown(schema, value, at) {
  if (Array.isArray(value)) {
    return value.flatMap((item, n) => (schema.items ? unknown(schema.items, item, `${at}[${n}]`) : []))
  }
  if (value === null || typeof value !== 'object' || !schema.properties) return []
  return Object.entries(value).flatMap(([key, inner]) => {
    const known = schema.properties[key]
    return known ? unknown(known, inner, `${at}.${key}`) : [`${at} has no ${key}`]
  })
}

/** An OpenAPI schema in which what may be null says so as JSON Schema does, beside choices as well. */
function withNull(schema) {
  if (Array.isArray(schema)) return schema.map(withNull)
  if (schema === null || typeof schema !== 'object') return schema
  const inner = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, withNull(value)]))
  if (inner.nullable !== true || inner.type) return inner
  delete inner.nullable
  return { anyOf: [inner, { type: 'null' }] }
}

const compiled = new Map()
/** What is wrong with an answer, by the operation that it is one of. */
function answered(operation, template, { status, answer }) {
  const content = operation.responses[status]?.content
  const described = content?.['application/json']?.schema
  if (!described) return [`${template} has no answer ${status}`]
  if (!compiled.has(described)) compiled.set(described, ajv.compile(withNull(described)))
  const check = compiled.get(described)
  check(answer)
  const errors = (check.errors ?? []).map((error) => `${status} ${error.instancePath} ${error.message}`)
  return [...errors, ...unknown(described, answer, template)]
}

/** What is wrong with a request over REST and its answer, by one of the descriptions. */
function rest(description, { method, path: sent, query, body, status, answer }) {
  const fits = (template) => {
    // The name of a reference has several parts: `heads/deploy/api`.
    const pattern = template
      .replace(/[.+^$()|]/g, '\\$&')
      .replace(/(\/git\/[a-z-]+)\/\{ref\}$/, '$1/.+')
      .replace(/\{[^}]+\}/g, '[^/]+')
    return new RegExp(`^${pattern}$`).test(sent)
  }
  // A path without parameters at a place is meant before one with them.
  const templates = Object.keys(description.paths).filter(fits)
  const template = templates.sort((a, b) => a.split('{').length - b.split('{').length)[0]
  const operation = description.paths[template]?.[method.toLowerCase()]
  if (!operation) return [`there is no ${method} ${sent}`]
  const parameters = (operation.parameters ?? []).filter((one) => one.in === 'query')
  const wrong = [...new URLSearchParams(query).keys()]
    .filter((name) => !parameters.some((one) => one.name === name))
    .map((name) => `${template} has no parameter ${name}`)
  // A fault of the wire is none of the API's answers.
  if (answer) wrong.push(...answered(operation, template, { status, answer }))
  const expected = operation.requestBody?.content?.['application/json']?.schema
  if (body === null || !expected) return wrong
  ajv.validate(expected, body)
  const errors = (ajv.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
  return [...wrong, ...errors, ...unknown(expected, body, template)]
}

function problems(request) {
  if (request.path.endsWith('/graphql')) return graphql(request.body)
  // A repository that was renamed is redirected to its number, which no description has.
  const named = request.path.replace(/^\/api\/v3/, '').replace(/^\/repositories\/\d+\//, '/repos/o/r/')
  const below = { ...request, path: named }
  return descriptions.flatMap((description) =>
    rest(description, below).map((problem) => `${description.name}: ${problem}`),
  )
}

// A check that lets everything pass is none: each of these must be refused.
const tree = { base_tree: 'a', tree: [{ path: 'a', mode: '100644', type: 'blob', content: 'a' }] }
const post = (body) => ({ method: 'POST', path: '/api/v3/repos/o/r/git/trees', query: '', body })
const query = (query, variables) => ({ method: 'POST', path: '/api/graphql', body: { query, variables } })
const compare = { method: 'GET', path: '/api/v3/repos/o/r/compare/a...b', query: 'page=1', body: null }
const wrong = [
  query('query { repository(owner: "o", name: "r") { colour } }'),
  query('query($n: String!) { repository(owner: "o", name: $n) { id } }', { n: 1 }),
  query('query($n: String!) { repository(owner: "o", name: $n) { id } }', { n: 'r', m: 1 }),
  query('mutation($i: UpdateRefsInput!) { updateRefs(input: $i) { clientMutationId } }', { i: { refs: [] } }),
  post({ ...tree, base: 'a' }),
  post({ ...tree, tree: [{ ...tree.tree[0], mode: '644' }] }),
  post({ base_tree: 'a' }),
  { ...post(tree), path: '/api/v3/repos/o/r/git/forests' },
  { method: 'GET', path: '/api/v3/repos/o/r/git/trees/a', query: 'deep=1', body: null },
  { ...compare, status: 200, answer: { status: 'ahead', ahead_by: 1, commits: [] } },
  { ...compare, status: 404, answer: { message: 1 } },
  { ...compare, status: 404, answer: { message: 'Not Found', colour: 'red' } },
  { ...compare, status: 299, answer: {} },
]
for (const request of wrong) {
  if (problems(request).length === 0) throw new Error(`not refused: ${JSON.stringify(request)}`)
}
if (problems(post(tree)).length > 0) throw new Error(problems(post(tree)).join('\n'))

const directory = process.argv[2]
const requests = new Set(
  fs.readdirSync(directory).flatMap((file) =>
    fs.readFileSync(path.join(directory, file), 'utf8').split('\n').filter(Boolean),
  ),
)
let kinds = new Set()
let failed = 0
let answers = new Set()
for (const line of requests) {
  const request = JSON.parse(line)
  const kind = request.path.endsWith('/graphql')
    ? request.body.query
    : `${request.method} ${request.path.split('/').slice(6).join('/').replace(/[0-9a-f]{40}/g, 'ID')}`
  kinds.add(kind)
  if (request.answer) answers.add(`${request.status} ${request.answer.status}`)
  for (const problem of problems(request)) {
    failed += 1
    console.error(`${kind}\n  ${problem}`)
  }
}
if (kinds.size < 8) throw new Error(`only ${kinds.size} kinds of requests were recorded in ${directory}`)
// The comparisons that there are: a commit that is gone or private, and each way two commits can stand.
for (const answer of ['404 404', '200 ahead', '200 behind', '200 diverged']) {
  if (!answers.has(answer)) throw new Error(`no comparison was answered ${answer}`)
}
console.log(`${requests.size} requests of ${kinds.size} kinds: ${failed} problems`)
process.exit(failed > 0 ? 1 : 0)
