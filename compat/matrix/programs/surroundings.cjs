// Whether a program runs where its cell says it does. Without this a cell could pass on another Node.js or SDK.

const assert = require('node:assert/strict')
const { readFileSync } = require('node:fs')
const { createRequire } = require('node:module')
const { dirname, join } = require('node:path')

const SDK = '@opentelemetry/sdk-metrics'

/**
 * The arguments of every program: the version of Node.js, and as JSON the SDK version that each of these packages resolves
 * (`.` is the program itself).
 */
module.exports = function checkSurroundings() {
  const [node, sdks] = process.argv.slice(2)
  assert.equal(process.version, `v${node}`)
  if (sdks === undefined) return
  const expected = JSON.parse(sdks)
  const found = Object.keys(expected).map((name) => [name, sdkOf(name)])
  assert.deepEqual(Object.fromEntries(found.map(([name, { version }]) => [name, version])), expected)
  // Of the program's own version there has to be one copy, not several that only look alike.
  const own = sdkOf('.')
  for (const [name, { version, folder }] of found) {
    if (version === own.version) assert.equal(folder, own.folder, `${name} resolves a copy of its own`)
  }
}

function sdkOf(name) {
  const resolver = name === '.' ? require : createRequire(require.resolve(name))
  // An exports map may hide package.json, so it is looked for from the entry upward.
  for (let folder = dirname(resolver.resolve(SDK)); folder !== dirname(folder); folder = dirname(folder)) {
    const content = read(join(folder, 'package.json'))
    if (content?.name === SDK) return { folder, version: content.version }
  }
  throw new Error(`${name} resolves no ${SDK}`)
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}
