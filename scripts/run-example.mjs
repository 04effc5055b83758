// npm run example -- NAME [ARGUMENTS]: runs a built example as if it had been started itself.
import { existsSync, readdirSync } from 'node:fs'

const examples = new URL('../examples/', import.meta.url)
const [name] = process.argv.splice(2, 1)
const main = name && new URL(`${name}/dist/main.js`, examples)
if (main && existsSync(main)) {
  await import(main.href)
} else {
  const names = readdirSync(examples).filter((folder) => existsSync(new URL(`${folder}/dist/main.js`, examples)))
  console.error(`npm run example -- NAME, where NAME is one of: ${names.join(', ')}${name ? `; got ${name}` : ''}`)
  process.exitCode = 1
}
