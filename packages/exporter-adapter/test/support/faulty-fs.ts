import { type AwaitedFileCalls, type FileCalls, nodeFs, type SpoolFs } from '../../src/spool/file-calls.ts'

type CallName = keyof FileCalls

export interface Fault {
  /** Which call fails, counted from 0 since `arm`. */
  readonly at: number
  readonly code: string
  /** `after`: the call is made, and its success is lost. */
  readonly when: 'before' | 'after'
  /** How many calls fail in a row. Default 1. */
  readonly times?: number
}

/** A file system where one call fails, and which says what it was asked for. */
export class FaultyFs implements SpoolFs {
  readonly awaited: AwaitedFileCalls
  readonly blocking: FileCalls
  /** Since `arm`. */
  calls: CallName[] = []
  /** Called before each awaited call; it may wait, or make blocking calls. */
  before: (name: CallName, args: readonly unknown[]) => void | Promise<void> = () => {}
  /** Called after each awaited call. */
  after: (name: CallName, args: readonly unknown[]) => void = () => {}
  #fault: Fault | undefined

  constructor() {
    const awaited: Partial<Record<CallName, unknown>> = {}
    const blocking: Partial<Record<CallName, unknown>> = {}
    for (const name of Object.keys(nodeFs.awaited) as CallName[]) {
      const makeAwaited = nodeFs.awaited[name] as (...args: unknown[]) => Promise<unknown>
      const makeBlocking = nodeFs.blocking[name] as (...args: unknown[]) => unknown
      awaited[name] = async (...args: unknown[]) => {
        const fails = this.#failsNow(name)
        await this.before(name, args)
        // A file that is not closed would be a fault of the test.
        const result = fails?.when === 'before' && name !== 'close' ? undefined : await makeAwaited(...args)
        if (fails !== undefined) {
          if (name === 'open' && result !== undefined)
            await nodeFs.awaited.close(result as { path: string; fd: number })
          throw errorOf(name, fails)
        }
        this.after(name, args)
        return result
      }
      blocking[name] = (...args: unknown[]) => {
        const fails = this.#failsNow(name)
        const result = fails?.when === 'before' && name !== 'close' ? undefined : makeBlocking(...args)
        if (fails !== undefined) {
          if (name === 'open' && result !== undefined) nodeFs.blocking.close(result as { path: string; fd: number })
          throw errorOf(name, fails)
        }
        return result
      }
    }
    this.awaited = awaited as unknown as AwaitedFileCalls
    this.blocking = blocking as unknown as FileCalls
  }

  /** Counts from here. */
  arm(fault?: Fault): void {
    this.calls = []
    this.#fault = fault
  }

  #failsNow(name: CallName): Fault | undefined {
    const at = this.calls.push(name) - 1
    const fault = this.#fault
    return fault !== undefined && at >= fault.at && at < fault.at + (fault.times ?? 1) ? fault : undefined
  }
}

const errorOf = (name: CallName, { code }: Fault): Error =>
  Object.assign(new Error(`${code}: injected, ${name}`), { code })
