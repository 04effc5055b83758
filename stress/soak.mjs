// npm run soak -- --minutes N: the models and the comparison with the SDK, with fresh seeds until the time is up, and the
// churn of attributes for the slope of the heap. Stops at the first failure, which names its seed.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MODELS = [
  'conservation',
  'what-is-spooled-survives-the-process',
  'what-is-exposed-parses-back-to-what-was-recorded',
].map((name) => `packages/exporter-adapter/test/${name}.test.ts`)
/** A million in about an hour on two cores. */
const ROUND_TRIPS = 20_000

const at = process.argv.indexOf('--minutes')
const minutes = at < 0 ? 5 : Number(process.argv[at + 1])
if (!(minutes > 0)) {
  console.error(`npm run soak -- --minutes N, where N is a number above 0; got ${process.argv[at + 1]}`)
  process.exit(1)
}

const root = fileURLToPath(new URL('../', import.meta.url))
const run = (command, args, env = {}) => {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } })
  if (status !== 0) {
    console.error(`soak: failed in ${command} ${args.join(' ')} ${JSON.stringify(env)}`)
    process.exit(1)
  }
}

run(process.execPath, ['--expose-gc', fileURLToPath(new URL('./churn.mjs', import.meta.url))])
const end = Date.now() + minutes * 60_000
let rounds = 0
while (Date.now() < end) {
  const seed = String(Math.floor(Math.random() * 2 ** 31))
  run('vitest', ['run', ...MODELS, 'compat/shadow'], {
    SLUICE_SEED: seed,
    SLUICE_RUNS: '2000',
    SLUICE_ROUND_TRIPS: String(ROUND_TRIPS),
  })
  rounds++
}
console.log(
  `soak: ${rounds} rounds of 2000 histories and programs each, and ${rounds * ROUND_TRIPS} round trips of what is exposed to ` +
    `Prometheus, in ${minutes} minutes; nothing failed`,
)
