import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('./process-that-ends.mjs', import.meta.url))

interface Situation {
  readonly way: string
  /** `down`: refuses; `down for hours`: and keeps the process alive with retries of its own; `back`: refuses until the end is near; `flaps`: refuses every other batch. */
  readonly receiver: 'down' | 'down for hours' | 'back' | 'up' | 'flaps'
  readonly spoolDirectory?: string | undefined
  readonly temporality?: 'DELTA' | 'CUMULATIVE'
  readonly ticks?: number
  /** Of `flushOnExit`. */
  readonly timeoutMillis?: number
  /** Whether it is the first process of a PID namespace, as in a container without an init. */
  readonly isPid1?: boolean
}

const AS_PID_1 = ['--map-root-user', '--pid', '--fork', '--kill-child', '--mount-proc', process.execPath]

/** What keeps a {@link Situation} from being that of PID 1, in words. */
export const noPid1 =
  spawnSync('unshare', [...AS_PID_1, '-e', '']).status === 0 ? undefined : 'unshare(1) may make no PID namespace here'

/** One `say()` of the program. */
type Saying = string | { readonly [key: string]: unknown }

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stderr: string
  readonly sayings: readonly Saying[]
  /** The values of all points exported, in order. */
  readonly exported: readonly number[]
  readonly services: readonly unknown[]
}

/** Runs the program to its end. `onSaying` may act on what it says. */
export async function endOf(
  situation: Situation,
  onSaying: (saying: Saying, child: ChildProcessWithoutNullStreams) => void = () => {},
): Promise<Ended> {
  const [command, args] = situation.isPid1 ? ['unshare', AS_PID_1] : [process.execPath, []]
  const child = spawn(command, [...args, PROGRAM, JSON.stringify(situation)], { stdio: 'pipe' })
  const sayings: Saying[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    const saying = JSON.parse(line) as Saying
    sayings.push(saying)
    onSaying(saying, child)
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const read = new Promise((resolve) => lines.once('close', resolve))
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (...status) => resolve(status))
  })
  await read
  const exports = sayings.flatMap((saying) => (typeof saying === 'object' && 'exported' in saying ? [saying] : []))
  return {
    code,
    signal,
    stderr,
    sayings,
    exported: exports.flatMap(valuesIn),
    services: exports.map(({ service }) => service),
  }
}

/** Another process on the same spool: what it delivers of what was left there. */
export async function replayOf(spoolDirectory: string, temporality?: Situation['temporality']): Promise<Ended> {
  return endOf({ way: 'replay', receiver: 'up', spoolDirectory, ...(temporality && { temporality }) })
}

/** The values of the points of one export. */
export function valuesIn({ exported }: { readonly exported?: unknown }): number[] {
  return (exported as readonly [string, number][]).map(([, value]) => value)
}

export const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)
