// Parses every Mermaid block of the Markdown files in a directory.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { JSDOM } from 'jsdom';

const { window } = new JSDOM('');
globalThis.window = window;
globalThis.document = window.document;
const { default: mermaid } = await import('mermaid');

const directory = process.argv[2];
const kinds = new Map();
let wrong = 0;
for (const name of readdirSync(directory)) {
  const text = readFileSync(join(directory, name), 'utf8');
  for (const [, chart] of text.matchAll(/^```mermaid\n(.*?)^```$/gms)) {
    try {
      const { diagramType } = await mermaid.parse(chart);
      kinds.set(diagramType, (kinds.get(diagramType) ?? 0) + 1);
    } catch (error) {
      wrong += 1;
      console.error(`${name}: ${error.message}\n${chart}`);
    }
  }
}
const seen = [...kinds].map(([kind, count]) => `${count} × ${kind}`).join(', ');
console.log(`${seen || 'no chart'} can be read, ${wrong} can't`);
// Both charts that there are must have been among them.
process.exit(wrong === 0 && kinds.has('timeline') && kinds.has('gantt') ? 0 : 1);
