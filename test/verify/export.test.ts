import { parseEDNString } from 'edn-data'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Json } from '../../machines/batch.ts'
import { ednOf } from '../../src/verify/edn.ts'
import { jepsenHistory, porcupineHistory } from '../../src/verify/export.ts'
import { processesOf } from '../../src/verify/processes.ts'
import { jsonValues } from '../support/arbitraries.ts'
import {
  add,
  cas,
  count,
  counted,
  freed,
  lock,
  op,
  read,
  set,
  token,
  unanswered,
  unlock,
  value,
  voided,
  write,
  written,
} from '../support/histories.ts'

function parsed(edn: string): unknown {
  return parseEDNString(edn, { mapAs: 'object', keywordAs: 'string' })
}

function parsedLines(text: string): unknown[] {
  expect(text.endsWith('\n') || text === '').toBe(true)
  return text.split('\n').slice(0, -1).map(parsed)
}

describe('EDN', () => {
  test('any JSON value comes back as it was, from one line', () => {
    fc.assert(
      fc.property(jsonValues, (json) => {
        const edn = ednOf(json)
        expect(edn).not.toMatch(/[\n\r]/)
        expect(parsed(edn)).toEqual(json)
      }),
    )
  })

  test.each<[string, Json]>([
    ['"a \\"quoted\\" \\\\ line\\nand a tab\\t"', 'a "quoted" \\ line\nand a tab\t'],
    ['"\\u0001\\b\\f\\r"', '\u0001\b\f\r'],
    ['"; (no) {comment} ,"', '; (no) {comment} ,'],
    ['{"a b" nil, ":c" [true 1.5 -2]}', { 'a b': null, ':c': [true, 1.5, -2] }],
  ])('%s', (edn, json) => {
    expect(ednOf(json)).toBe(edn)
    expect(parsed(edn)).toEqual(json)
  })
})

describe('Jepsen', () => {
  test('locks', () => {
    const history = [
      op('a', lock, [1, 4], token(7), 3),
      op('b', unlock, [2, 6], freed(true), 4),
      voided('b', lock, 3, 5),
    ]
    expect(jepsenHistory(history)).toBe(
      [
        '{:index 0, :time 0, :process 0, :type :invoke, :f :lock, :value "x"}',
        '{:index 1, :time 1000000, :process 1, :type :invoke, :f :unlock, :value "x"}',
        '{:index 2, :time 2000000, :process 2, :type :invoke, :f :lock, :value "x"}',
        '{:index 3, :time 3000000, :process 0, :type :ok, :f :lock, :value "x", :token 7}',
        '{:index 4, :time 4000000, :process 2, :type :fail, :f :lock, :value "x"}',
        '{:index 5, :time 5000000, :process 1, :type :ok, :f :unlock, :value "x", :freed true}',
        '',
      ].join('\n'),
    )
  })

  test('registers and counters, and what has no answer at the end', () => {
    const history = [
      unanswered('a', write(1), 1, 0),
      op('a', read, [2, 3], value(1), 1),
      op('a', cas(1, 2), [4, 5], set(true), 2),
      op('a', cas(1, 2), [6, 7], set(false), 3),
      op('a', add, [8, 9], counted(1), 4),
      op('a', count, [10, 11], counted(1), 5),
    ]
    const ops = parsedLines(jepsenHistory(history)) as Record<string, unknown>[]
    expect(ops.map(({ process, type, f, value }) => [process, type, f, value])).toEqual([
      [0, 'invoke', 'write', ['x', 1]],
      [1, 'invoke', 'read', ['x', null]],
      [1, 'ok', 'read', ['x', 1]],
      [1, 'invoke', 'cas', ['x', [1, 2]]],
      [1, 'ok', 'cas', ['x', [1, 2]]],
      [1, 'invoke', 'cas', ['x', [1, 2]]],
      [1, 'fail', 'cas', ['x', [1, 2]]],
      [1, 'invoke', 'add', ['x', 1]],
      [1, 'ok', 'add', ['x', 1]],
      [1, 'invoke', 'count', ['x', null]],
      [1, 'ok', 'count', ['x', 1]],
      [0, 'info', 'write', ['x', 1]],
    ])
    expect(ops.map(({ index }) => index)).toEqual(ops.map((_, index) => index))
    expect(ops[8]?.count).toBe(1)
    const times = ops.map(({ time }) => Number(time))
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  test('names with quotes and line ends', () => {
    const name = 'a "b"\n\\c'
    const [invoke] = parsedLines(jepsenHistory([unanswered('a', { action: 'lock', name }, 1)]))
    expect(invoke).toMatchObject({ value: name })
  })

  test('nothing', () => {
    expect(jepsenHistory([])).toBe('')
  })

  test('a command of another service', () => {
    expect(() => jepsenHistory([unanswered('a', { action: 'take', key: 'x' }, 1)])).toThrow(/"take"/)
  })
})

describe('Porcupine', () => {
  test('an operation a line; without an answer it returns after all else', () => {
    const history = [
      op('a', write(1), [1, 4], written, 0),
      unanswered('b', write(2), 2),
      voided('b', write(3), 3, 5),
      op('b', read, [6, 7], value(1), 1),
    ]
    const lines = porcupineHistory(history).split('\n')
    expect(lines.pop()).toBe('')
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      { ClientId: 0, Input: write(1), Call: 1, Output: written, Return: 4 },
      { ClientId: 1, Input: write(2), Call: 2, Output: null, Return: 8 },
      { ClientId: 2, Input: read, Call: 6, Output: value(1), Return: 7 },
    ])
  })
})

test('a process does one thing at a time, for one client, and nothing after what has no answer', () => {
  const history = [
    op('a', read, [1, 3], value(null), 0),
    op('a', read, [2, 5], value(null), 1),
    op('a', read, [4, 6], value(null), 2),
    unanswered('a', read, 7),
    op('a', read, [8, 9], value(null), 3),
    op('b', read, [10, 11], value(null), 4),
  ]
  const processes = processesOf(history)
  expect(history.map((operation) => processes.get(operation))).toEqual([0, 1, 0, 0, 1, 2])
})
