// npm run test:matrix -- [--corners] [TEXT]: our packages, packed and installed by npm, where users are.
// Only the corners for CI, or only the cells whose name contains TEXT. The last line is: N passed, N failed.
import { cells } from './cells.mjs'
import { stopAll } from './child.mjs'
import { removeWorkFolder } from './install.mjs'
import { Unavailable } from './node-binary.mjs'

const args = process.argv.slice(2)
const texts = args.filter((arg) => !arg.startsWith('--'))
const unknown = args.find((arg) => arg.startsWith('--') && arg !== '--corners')
if (unknown !== undefined) {
  console.error(`npm run test:matrix -- [--corners] [TEXT]; got ${unknown}`)
  process.exit(1)
}
const wanted = cells.filter(
  ({ name, corner }) => (corner || !args.includes('--corners')) && texts.every((text) => name.includes(text)),
)

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, async () => {
    await stopAll()
    removeWorkFolder()
    process.exit(1)
  })
}

/** @param {import('./cells.mjs').Cell} cell */
async function outcomeOf(cell) {
  try {
    await cell.run()
    return { kind: 'passed', line: `ok  ${cell.name}` }
  } catch (error) {
    if (error instanceof Unavailable) return { kind: 'skipped', line: `skipped  ${cell.name}: ${error.message}` }
    return { kind: 'failed', line: `FAILED  ${cell.name}: ${error.message}`, output: error.output ?? error.stack }
  }
}

/** Said once: a package that cannot be installed fails every cell that needs it. */
const told = new Map()

/**
 * @param {string} name
 * @param {string | undefined} output
 */
function tell(name, output) {
  if (output === undefined) return
  const before = told.get(output)
  const text = before === undefined ? output.trimEnd() : `the same as: ${before}`
  // Node.js shows the line that threw, and in a bundle a line may be the whole program.
  for (const line of text.split('\n')) console.log(`    ${line.slice(0, 400)}`)
  told.set(output, before ?? name)
}

const count = { passed: 0, failed: 0, skipped: 0 }
try {
  // All at once, as far as there are processors; told in the order of the list.
  for (const [i, outcome] of wanted.map(outcomeOf).entries()) {
    const { kind, line, output } = await outcome
    count[kind]++
    console.log(line)
    tell(wanted[i].name, output)
  }
} finally {
  // What one cell failed to get, another program may still be preparing.
  await stopAll()
  removeWorkFolder()
}
if (count.skipped > 0) console.log(`${count.skipped} skipped on this platform, see above`)
if (count.passed + count.failed === 0) console.log('No cell ran.')
if (count.failed > 0 || count.passed === 0) process.exitCode = 1
console.log(`${count.passed} passed, ${count.failed} failed`)
