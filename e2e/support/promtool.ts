import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { pathOf } from './installed.ts'

/** What `promtool check metrics` has to say. */
export interface PromtoolComplaints {
  /** Why it cannot be read at all. */
  readonly errors: readonly string[]
  /** What it reads, and finds unusual. */
  readonly lint: readonly string[]
}

/** What promtool exits with when it could read everything, but does not like it. */
const LINT_EXIT_CODE = 3

/** Reads text 0.0.4. It accepts a series that is there twice. */
export async function promtoolCheck(exposition: string | Uint8Array): Promise<PromtoolComplaints> {
  const child = spawn(pathOf('promtool'), ['check', 'metrics'], { stdio: ['pipe', 'pipe', 'pipe'] })
  // It may stop reading at the first error.
  child.stdin.on('error', () => {})
  child.stdin.end(exposition)
  const [[code], said, complained] = await Promise.all([once(child, 'exit'), text(child.stdout), text(child.stderr)])
  const lines = `${said}${complained}`.split('\n').filter((line) => line !== '')
  if (code === 0 || code === LINT_EXIT_CODE) return { errors: [], lint: lines }
  return { errors: lines.length > 0 ? lines : [`promtool ended with exit code ${code}`], lint: [] }
}
