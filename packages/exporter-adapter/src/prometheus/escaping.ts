/**
 * How names that have other characters than Prometheus used to know are written
 * (https://prometheus.io/docs/instrumenting/escaping_schemes/).
 */
export type Escaping = 'allow-utf-8' | 'underscores' | 'dots' | 'values'

export const ESCAPINGS: readonly Escaping[] = ['allow-utf-8', 'underscores', 'dots', 'values']

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/

export function isClassicMetricName(name: string): boolean {
  return METRIC_NAME.test(name)
}

export function isClassicLabelName(name: string): boolean {
  return LABEL_NAME.test(name)
}

export function escapedMetricName(name: string, escaping: Escaping): string {
  return escaped(name, escaping, METRIC_NAME, /[a-zA-Z0-9_:]/)
}

export function escapedLabelName(name: string, escaping: Escaping): string {
  return escaped(name, escaping, LABEL_NAME, /[a-zA-Z0-9_]/)
}

function escaped(name: string, escaping: Escaping, classic: RegExp, allowed: RegExp): string {
  // Only `dots` changes names that need no escaping: else its underscores could not be told from escaped ones.
  if (escaping === 'allow-utf-8' || (escaping !== 'dots' && classic.test(name))) return name
  const parts = Array.from(name, (character, i) => {
    const isAllowed = allowed.test(character) && !(i === 0 && /\d/.test(character))
    if (escaping === 'underscores') return isAllowed ? character : '_'
    if (character === '_') return '__'
    if (isAllowed) return character
    if (escaping === 'values') return `_${character.codePointAt(0)!.toString(16)}_`
    return character === '.' ? '_dot_' : '__'
  })
  return escaping === 'values' ? `U__${parts.join('')}` : parts.join('') || '_'
}
