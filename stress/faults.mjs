// npm run test:faults: what would take too long in `npm test`. Random histories of exporters, disks and processes (SLUICE_RUNS of
// each model, default 1000, SLUICE_SEED), an outage of 30 days (SLUICE_DAYS), processes that are killed (SLUICE_KILLS, default
// 100), and the spool alone: bytes that rot, a full disk, 500 kills. Fails on the first of them that fails.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../', import.meta.url))
const tests = ['conservation', 'what-is-spooled-survives-the-process', 'a-long-outage-stays-flat']
const defaults = {
  SLUICE_RUNS: '1000',
  SLUICE_DAYS: '30',
  SLUICE_KILLS: '100',
  SLUICE_SEED: String(Math.floor(Math.random() * 2 ** 31)),
}
const env = { ...defaults, ...process.env }

run('vitest', ['run', ...tests.map((name) => `packages/exporter-adapter/test/${name}.test.ts`)])
for (const script of ['process-kills', 'spool-rot', 'spool-full-disk', 'spool-kills']) {
  run(process.execPath, [fileURLToPath(new URL(`./${script}.mjs`, import.meta.url))])
}

function run(command, args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env })
  if (status === 0) return
  console.error(
    `faults: failed in ${command} ${args.join(' ')} with SLUICE_SEED=${env.SLUICE_SEED} SLUICE_RUNS=${env.SLUICE_RUNS}`,
  )
  process.exit(1)
}
