// What the rows record.

/** The 15 default boundaries of an OTel histogram. */
export const BOUNDARIES = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]

/** 1024 milliseconds as a handler would measure them, spread over all buckets: most are short. */
export const durations = Array.from({ length: 1024 }, (_, i) => 0.25 + 12_000 * (((i * 389) % 1024) / 1024) ** 4)

/** Different sets of the same shape, made once. */
export function attributeSets(count) {
  return Array.from({ length: count }, (_, i) => ({
    method: i % 2 === 0 ? 'GET' : 'POST',
    route: `/route/${i}`,
    status: String(200 + (i % 5)),
  }))
}

/** Three attributes each, of which one key differs: eight hidden classes. */
export function eightShapes() {
  return [
    { method: 'GET', route: '/users/:id', status: '200' },
    { method: 'GET', route: '/users/:id', region: 'eu' },
    { method: 'GET', route: '/users/:id', tenant: 'a' },
    { method: 'GET', route: '/users/:id', host: 'h1' },
    { method: 'GET', route: '/users/:id', version: '2' },
    { method: 'GET', route: '/users/:id', cache: 'hit' },
    { method: 'GET', route: '/users/:id', queue: 'q' },
    { method: 'GET', route: '/users/:id', zone: 'z1' },
  ]
}

/** As {@link attributeSets}, with the attribute that has the most values last. */
export function lastAttributeSets(count) {
  return attributeSets(count).map(({ method, route, status }) => ({ method, status, route }))
}

/** Objects that V8 keeps as hash tables, as it does once a key other than the last was deleted. */
export function dictionarySets(count) {
  return attributeSets(count).map((set) => {
    const dictionary = { internal: true, ...set }
    delete dictionary.internal
    return dictionary
  })
}
