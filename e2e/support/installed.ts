import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describeWhere } from '../../packages/processor/test/support/describe-where.ts'

/** Where the tools come from, on Debian and its kin. */
const DEBIAN_PACKAGES = {
  prometheus: 'prometheus',
  promtool: 'prometheus',
  'prometheus-pushgateway': 'prometheus-pushgateway',
  'prometheus_client for Python': 'python3-prometheus-client',
} as const

export type Tool = keyof typeof DEBIAN_PACKAGES

const found = new Map<Tool, string | undefined>()

/**
 * The program to run for a tool; for the Python library it is a `python3` that has it.
 *
 * @throws Error that names the Debian package, when it is not installed
 */
export function pathOf(tool: Tool): string {
  const path = find(tool)
  if (path === undefined) throw new Error(missing([tool]))
  return path
}

/**
 * As `describe`, but skipped where a tool is missing, with the reason printed. With `SLUICE_E2E_REQUIRED=1` in the
 * environment it is a failure: a build that has to judge must not pass for want of a judge.
 */
export function describeWith(tools: readonly Tool[], name: string, body: () => void): void {
  const absent = tools.filter((tool) => find(tool) === undefined)
  const reason = absent.length === 0 ? undefined : missing(absent)
  describeWhere(reason, name, body, process.env.SLUICE_E2E_REQUIRED === '1')
}

function find(tool: Tool): string | undefined {
  if (!found.has(tool)) found.set(tool, tool === 'prometheus_client for Python' ? pythonWithParser() : onPath(tool)[0])
  return found.get(tool)
}

function missing(tools: readonly Tool[]): string {
  const packages = [...new Set(tools.map((tool) => DEBIAN_PACKAGES[tool]))]
  return `${tools.join(', ')} missing; on Debian: apt-get install ${packages.join(' ')}`
}

function pythonWithParser(): string | undefined {
  // The first python3 may be one that does not look where Debian's packages are.
  return [...new Set([...onPath('python3'), '/usr/bin/python3'])].find(
    (python) =>
      spawnSync(python, ['-c', 'import prometheus_client.openmetrics.parser'], { stdio: 'ignore' }).status === 0,
  )
}

function onPath(program: string): string[] {
  const candidates = (process.env.PATH ?? '').split(delimiter).map((directory) => join(directory, program))
  return candidates.filter((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
