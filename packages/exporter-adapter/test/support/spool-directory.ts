import { lstatSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { ClaimedEntry } from '../../src/spool/claim.ts'
import type { ProcessIdentity } from '../../src/spool/identity.ts'
import { Spool } from '../../src/spool/spool.ts'
import type { SpoolOptions } from '../../src/spool/spool-options.ts'

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'sluice-spool-')))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A spool that is closed after the test, at the latest: an open one would make its directory anew. */
export async function openSpool(directory: string, options: Partial<SpoolOptions> = {}): Promise<Spool> {
  const spool = await Spool.open({ directory, name: 'test', ...options })
  onTestFinished(() => spool.close().catch(() => {}))
  return spool
}

/** A process of another host: only its lease can tell whether it is alive. */
export const FOREIGN: ProcessIdentity = { host: 'elsewhere', boot: 'b', pidNamespace: 'n', pid: 1, startTime: '1' }

/** A process of this machine that is certainly dead: this pid belongs to a process that started at another time. */
export const dead = (self: ProcessIdentity): ProcessIdentity => ({ ...self, startTime: '1' })

export const bytes = (text: string): Uint8Array => Buffer.from(text)
export const text = (body: Uint8Array): string => Buffer.from(body).toString()

/** What entries hold, as `slot=content/points`. */
export const contents = (entries: readonly ClaimedEntry[]): Promise<string[]> =>
  Promise.all(entries.map(async (each) => `${each.slot}=${text(await each.read())}/${each.points}`))

/** What a process that comes later finds, once the given spool is closed. */
export async function leftBy(spool: Spool, directory: string): Promise<string[]> {
  await spool.close()
  const next = await openSpool(directory)
  const found = await contents(await next.claim())
  await next.close()
  return found
}

/** Every file under a directory, as paths relative to it. */
export const filesUnder = (directory: string): string[] =>
  (readdirSync(directory, { recursive: true }) as string[])
    .filter((path) => !lstatSync(join(directory, path)).isDirectory())
    .sort()
