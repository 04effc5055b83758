import { resolve } from 'node:path'

/** Where the adapters of this process spool, and under which names. */
export const spoolsInUse = new Set<string>()

/**
 * Keeps a second adapter of this process from the spool of the first: the next process would hand what both have left to
 * whichever of its adapters asks first, and so to the wrong receiver.
 *
 * @returns what to call when it is used no more
 * @throws Error where another adapter uses it
 */
export function useSpool(directory: string, name: string): () => void {
  const spool = JSON.stringify([resolve(directory), name])
  if (spoolsInUse.has(spool)) {
    throw new Error(
      `PushExporterAdapter: another adapter of this process has the same name (${name}) and spoolDirectory (${directory}), ` +
        'and after a crash each would send what the other has left: give each a name of its own',
    )
  }
  spoolsInUse.add(spool)
  return () => spoolsInUse.delete(spool)
}
