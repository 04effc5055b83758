// npm run test:faults: what would take too long in `npm test`. Random histories of exporters, disks and processes (SLUICE_RUNS of
// each of the two models, default 50,000, from SLUICE_SEED on), round trips of what is exposed to Prometheus
// (SLUICE_ROUND_TRIPS, default 20,000), an outage of 30 days (SLUICE_DAYS), processes that are killed
// (SLUICE_KILLS, default 100), and the spool alone: bytes that rot, a full disk, 500 kills. Before them the suites of delivery,
// spool and endpoint, with a logger that fails at every line. Fails on the first of them that fails.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const testFile = (name) => `packages/exporter-adapter/test/${name}.test.ts`
const models = [
  'conservation',
  'what-is-spooled-survives-the-process',
  'what-is-exposed-parses-back-to-what-was-recorded',
].map(testFile)
const defaults = {
  SLUICE_RUNS: '50000',
  SLUICE_RUNS_ON_FILES: '500',
  SLUICE_ROUND_TRIPS: '20000',
  SLUICE_DAYS: '30',
  SLUICE_KILLS: '100',
  SLUICE_SEED: String(Math.floor(Math.random() * 2 ** 31)),
}
const env = { ...defaults, ...process.env }

/** One that takes longer hangs: with the defaults each but the models takes two minutes at most. */
const LONGEST_STEP_MILLIS = 20 * 60_000

/** Beginnings of the names of the test files. */
const withBrokenLogger = [
  'the-fault-matrix',
  'conservation',
  'the-end-of-a-push-adapter',
  'a-failed-delta',
  'a-failing-disk',
  'what-is-spooled',
  'a-crash-loses',
  'a-scrape',
  'an-endpoint',
  'what-an-endpoint',
  'an-authorize-hook',
  'hostile-clients',
  'a-closed-server',
].map((name) => `packages/exporter-adapter/test/${name}`)

run('vitest', ['run', ...withBrokenLogger], {
  ...process.env,
  SLUICE_SEED: env.SLUICE_SEED,
  SLUICE_LOGGER: 'throws',
})
await runModels()
run('vitest', ['run', testFile('a-long-outage-stays-flat')])
for (const script of ['process-kills', 'spool-rot', 'spool-full-disk', 'spool-kills']) {
  run(process.execPath, [fileURLToPath(new URL(`./${script}.mjs`, import.meta.url))])
}

/** Each core has its share of the histories. One says afterwards what it has seen, so that lines do not mix. */
async function runModels() {
  const startedMillis = performance.now()
  const shares = availableParallelism()
  const shareOf = (name) => Math.ceil(Number(env[name]) / shares)
  const results = await Promise.all(
    Array.from({ length: shares }, async (_, share) => {
      const own = {
        SLUICE_RUNS: String(shareOf('SLUICE_RUNS')),
        SLUICE_RUNS_ON_FILES: String(shareOf('SLUICE_RUNS_ON_FILES')),
        SLUICE_ROUND_TRIPS: String(shareOf('SLUICE_ROUND_TRIPS')),
        SLUICE_SEED: String((Number(env.SLUICE_SEED) + share) % 2 ** 31),
      }
      const args = ['run', '--no-file-parallelism', ...models]
      const child = spawn('vitest', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], env: { ...env, ...own } })
      const output = child.stdout.setEncoding('utf8').toArray()
      const [status] = await once(child, 'exit')
      return { status, args, own, output: (await output).join('') }
    }),
  )
  for (const { output } of results) console.log(output)
  const seconds = Math.round((performance.now() - startedMillis) / 1000)
  console.log(`faults: the models took ${seconds} s on ${shares} cores`)
  for (const { status, args, own } of results) if (status !== 0) fail('vitest', args, own)
}

function run(command, args, ownEnv = env) {
  const { status, error } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: ownEnv,
    timeout: LONGEST_STEP_MILLIS,
    killSignal: 'SIGKILL',
  })
  if (error?.code === 'ETIMEDOUT') console.error(`faults: killed after ${LONGEST_STEP_MILLIS / 60_000} min`)
  if (status !== 0) fail(command, args, ownEnv)
}

function fail(command, args, { SLUICE_SEED, SLUICE_RUNS, SLUICE_LOGGER }) {
  const settings = Object.entries({ SLUICE_SEED, SLUICE_RUNS, SLUICE_LOGGER }).filter(
    ([, value]) => value !== undefined,
  )
  console.error(
    `faults: failed in ${command} ${args.join(' ')} with ${settings.map(([name, value]) => `${name}=${value}`).join(' ')}`,
  )
  process.exit(1)
}
