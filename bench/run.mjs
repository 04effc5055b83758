// npm run bench -- NAME: runs bench/NAME.mjs. Each is a table of ratios, measured in one run.
import { existsSync, readdirSync } from 'node:fs'

const here = new URL('./', import.meta.url)
const [name] = process.argv.splice(2, 1)
const table = name && new URL(`${name}.mjs`, here)
if (table && name !== 'run' && existsSync(table)) {
  await import(table.href)
} else {
  const names = readdirSync(here)
    .filter((file) => file.endsWith('.mjs') && file !== 'run.mjs')
    .map((file) => file.slice(0, -4))
  console.error(`npm run bench -- NAME, where NAME is one of: ${names.join(', ')}`)
  process.exitCode = 1
}
