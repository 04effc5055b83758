/**
 * Units of UCUM and the words of Prometheus for them (OTel spec, compatibility, "Metric Metadata"). What is not in it stays
 * as it is.
 */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['d', 'days'],
  ['h', 'hours'],
  ['min', 'minutes'],
  ['s', 'seconds'],
  ['ms', 'milliseconds'],
  ['us', 'microseconds'],
  ['ns', 'nanoseconds'],
  ['By', 'bytes'],
  ['KiBy', 'kibibytes'],
  ['MiBy', 'mebibytes'],
  ['GiBy', 'gibibytes'],
  ['TiBy', 'tebibytes'],
  ['kBy', 'kilobytes'],
  ['KBy', 'kilobytes'],
  ['MBy', 'megabytes'],
  ['GBy', 'gigabytes'],
  ['TBy', 'terabytes'],
  ['m', 'meters'],
  ['V', 'volts'],
  ['A', 'amperes'],
  ['J', 'joules'],
  ['W', 'watts'],
  ['g', 'grams'],
  ['Cel', 'celsius'],
  ['Hz', 'hertz'],
  ['%', 'percent'],
  // No unit at all.
  ['1', ''],
])

/** Those that are not a word for a plural. */
const SINGULARS: ReadonlyMap<string, string> = new Map([
  ['celsius', 'celsius'],
  ['hertz', 'hertz'],
  ['percent', 'percent'],
])

/** Longer periods, which only rates come in. */
const PERIODS: ReadonlyMap<string, string> = new Map([
  ['wk', 'week'],
  ['mo', 'month'],
  ['a', 'year'],
  ['y', 'year'],
])

/**
 * The word for a unit, as it becomes part of a metric name: `seconds` for `s`, `meters_per_second` for `m/s`. What is in
 * brackets is dropped. Empty where nothing is left: then the metric has no unit.
 */
export function unitWord(unit: string): string {
  const [amount, ...periods] = unit.replaceAll(/\{[^}]*\}/g, '').split('/')
  const words = [amount === undefined ? '' : wordOf(amount), ...periods.map(perWordOf)]
  return words.filter((word) => word !== '').join('_')
}

function wordOf(unit: string): string {
  const trimmed = unit.trim()
  return cleaned(WORDS.get(trimmed) ?? trimmed)
}

function perWordOf(unit: string): string {
  const trimmed = unit.trim()
  const word = wordOf(trimmed)
  const singular = PERIODS.get(trimmed) ?? SINGULARS.get(word) ?? (WORDS.has(trimmed) ? word.replace(/s$/, '') : word)
  return singular === '' ? '' : `per_${singular}`
}

function cleaned(unit: string): string {
  return unit
    .replaceAll(/[^a-zA-Z0-9_]+/g, '_')
    .replaceAll(/_{2,}/g, '_')
    .replaceAll(/^_|_$/g, '')
}
