import { describe, expect, test } from 'vitest'
import { escapedLabelName, escapedMetricName } from '../src/prometheus/escaping.ts'
import { type TranslationStrategy, translateKey, translateName } from '../src/prometheus/names.ts'
import { unitWord } from '../src/prometheus/units.ts'

/** The whole name of a metric, as its samples have it. */
function nameOf(
  name: string,
  {
    unit = '',
    isCounter = false,
    strategy = 'UnderscoreEscapingWithSuffixes' as TranslationStrategy,
    prefix = '',
  } = {},
): string {
  const { base, counterSuffix } = translateName(name, unit, isCounter, strategy, prefix)
  return base + counterSuffix
}

describe('a unit', () => {
  test.each([
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
  ])('%s of UCUM is %s', (unit, word) => {
    expect(unitWord(unit)).toBe(word)
  })

  test.each([
    ['m/s', 'meters_per_second'],
    ['By/min', 'bytes_per_minute'],
    ['{request}/s', 'per_second'],
    ['1/d', 'per_day'],
    ['J/Hz', 'joules_per_hertz'],
    ['By/s/m', 'bytes_per_second_per_meter'],
  ])('that is a rate, %s, is said in words: %s', (unit, words) => {
    expect(unitWord(unit)).toBe(words)
  })

  test.each(['{packet}', '{cpu}{core}', '1', '', ' '])('of %j is none: what is in brackets is dropped', (unit) => {
    expect(unitWord(unit)).toBe('')
  })

  test.each([
    ['furlong', 'furlong'],
    ['{a}By', 'bytes'],
    ['km²·h', 'km_h'],
    ['__x__', 'x'],
  ])('that nobody has a word for stays, without what a name cannot have: %s is %s', (unit, word) => {
    expect(unitWord(unit)).toBe(word)
  })
})

describe('a name', () => {
  test.each([
    ['http.server.duration', 'http_server_duration'],
    ['a..b--c', 'a_b_c'],
    ['a__b', 'a_b'],
    ['1st', '_1st'],
    ['größe', 'gr_e'],
    ['💧drops', '_drops'],
    ['a:b', 'a:b'],
    ['_', '_'],
  ])('has _ for everything else, once: %s is %s', (name, expected) => {
    expect(nameOf(name)).toBe(expected)
  })

  test('has its unit at the end, and before _total', () => {
    expect(nameOf('request.size', { unit: 'By' })).toBe('request_size_bytes')
    expect(nameOf('request.size', { unit: 'By', isCounter: true })).toBe('request_size_bytes_total')
  })

  test.each([
    ['request.bytes', 'request_bytes_total'],
    ['request.bytes.total', 'request_bytes_total'],
    ['request.total', 'request_bytes_total'],
    ['bytes', 'bytes_total'],
    ['kibibytes', 'kibibytes_bytes_total'],
  ])('has neither twice: the counter %s of By is %s', (name, expected) => {
    expect(nameOf(name, { unit: 'By', isCounter: true })).toBe(expected)
  })

  test('of a gauge keeps its _total', () => {
    expect(nameOf('x_total')).toBe('x_total')
  })

  test('called _total is no suffix of nothing', () => {
    expect(nameOf('_total', { isCounter: true })).toBe('_total_total')
  })

  test('has the prefix before it, which may be what a name cannot begin with', () => {
    expect(nameOf('a.b', { prefix: 'my.app' })).toBe('my_app_a_b')
    expect(nameOf('b', { prefix: '1' })).toBe('_1_b')
  })

  test.each<[TranslationStrategy, string, string]>([
    ['UnderscoreEscapingWithSuffixes', 'foo_bar_bytes_total', 'foo_bar_bytes_total'],
    ['UnderscoreEscapingWithoutSuffixes', 'foo_bar', 'foo_bar'],
    ['NoUTF8EscapingWithSuffixes', 'foo_bar_bytes_total', 'foo.bar_bytes_total'],
    ['NoTranslation', 'foo_bar', 'foo.bar'],
  ])("of the specification's example by %s is %s, and %s where UTF-8 is allowed", (strategy, classic, utf8) => {
    const name = nameOf('foo.bar', { unit: 'By', isCounter: true, strategy })
    expect(escapedMetricName(name, 'underscores')).toBe(classic)
    expect(escapedMetricName(name, 'allow-utf-8')).toBe(utf8)
  })

  test.each(['NoUTF8EscapingWithSuffixes', 'NoTranslation'] as const)(
    'stays as it is by %s, but for what no name may be',
    (strategy) => {
      expect(nameOf('größe 💧\n"\x01', { strategy })).toBe('größe 💧\n"\x01')
      expect(nameOf('a\0b', { strategy })).toBe('a_b')
      expect(nameOf('', { strategy })).toBe('_')
      expect(nameOf('', { strategy, prefix: 'shop' })).toBe('shop_')
      expect(nameOf('a\ud800', { strategy })).toBe('a\ufffd')
    },
  )
})

describe('a key', () => {
  test.each([
    ['http.method', 'http_method'],
    ['a--b', 'a_b'],
    ['1st', '_1st'],
    ['', '_'],
    ['__name__', '_name_'],
    ['a:b', 'a_b'],
    ['\ud800', '_'],
  ])('%j becomes the label %s', (key, label) => {
    expect(translateKey(key, 'UnderscoreEscapingWithSuffixes')).toBe(label)
  })

  test.each(['NoUTF8EscapingWithSuffixes', 'NoTranslation'] as const)(
    'stays as it is by %s, but for what no label may be',
    (strategy) => {
      expect(translateKey('http.method', strategy)).toBe('http.method')
      expect(translateKey('1st', strategy)).toBe('1st')
      expect(translateKey('', strategy)).toBe('_')
      expect(translateKey('a\ud800', strategy)).toBe('a\ufffd')
      expect(translateKey('a\0b', strategy)).toBe('a_b')
    },
  )
})

describe('escaping', () => {
  // The examples of Prometheus' own tests of its escaping schemes, and of its documentation.
  test.each([
    ['no:escaping_required', 'no:escaping_required', 'no:escaping__required', 'no:escaping_required'],
    [
      'mysystem.prod.west.cpu.load',
      'mysystem_prod_west_cpu_load',
      'mysystem_dot_prod_dot_west_dot_cpu_dot_load',
      'U__mysystem_2e_prod_2e_west_2e_cpu_2e_load',
    ],
    [
      'mysystem.prod.west.cpu.load_total',
      'mysystem_prod_west_cpu_load_total',
      'mysystem_dot_prod_dot_west_dot_cpu_dot_load__total',
      'U__mysystem_2e_prod_2e_west_2e_cpu_2e_load__total',
    ],
    ['http.status:sum', 'http_status:sum', 'http_dot_status:sum', 'U__http_2e_status:sum'],
    ['label with 😱', 'label_with__', 'label__with____', 'U__label_20_with_20__1f631_'],
    ['花火', '__', '____', 'U___82b1__706b_'],
    ['1st', '_st', '__st', 'U___31_st'],
  ])('%s is %s with underscores, %s with dots and %s with values', (name, underscores, dots, values) => {
    expect(escapedMetricName(name, 'underscores')).toBe(underscores)
    expect(escapedMetricName(name, 'dots')).toBe(dots)
    expect(escapedMetricName(name, 'values')).toBe(values)
    expect(escapedMetricName(name, 'allow-utf-8')).toBe(name)
  })

  test('of a label includes the colon', () => {
    expect(escapedLabelName('a:b', 'underscores')).toBe('a_b')
    expect(escapedLabelName('a:b', 'values')).toBe('U__a_3a_b')
  })
})
