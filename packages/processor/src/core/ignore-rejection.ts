/** For a promise that nobody waits for, if that is what it is: its rejection would end the process. May throw what it throws. */
export function ignoreRejection(returned: unknown): void {
  if (typeof returned === 'object' && returned !== null && 'then' in returned) Promise.resolve(returned).catch(() => {})
}
