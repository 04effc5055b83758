import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** What the script beside this file prints as JSON, run in a process of its own. */
export function runChild(script, args, flags = []) {
  const path = fileURLToPath(new URL(script, import.meta.url))
  const child = spawnSync(process.execPath, [...flags, path, ...args.map(String)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.status !== 0) throw new Error(`${script} ${args.join(' ')} ended with ${child.status}`)
  return JSON.parse(child.stdout)
}
