import { describe, test } from 'vitest'

/**
 * As `describe`, where nothing is missing. Else it is skipped and the reason printed; where the environment says that it has
 * to run, it is a failure: what has to judge must not pass for want of a judge.
 *
 * @param missing what is missing, in words
 */
export function describeWhere(missing: string | undefined, name: string, body: () => void, isRequired = false): void {
  if (missing === undefined) {
    describe(name, body)
  } else if (isRequired) {
    test(`${name}: cannot run`, () => {
      throw new Error(missing)
    })
  } else {
    process.stderr.write(`skipped: ${name}: ${missing}\n`)
    // The reason is printed, and stands in the name that reporters show: `name (what is missing)`.
    describe.skip(`${name} (skipped: ${missing})`, body)
  }
}
