import { describe, expect, test } from 'vitest'
import { parseFaults, parseShard, seedsOf } from '../../src/cli/simulate.ts'

describe('the seeds of a shard', () => {
  test('of all shards together are the seeds, each once', () => {
    const shards = Array.from({ length: 7 }, (_, index) => seedsOf(100, 50, { index, count: 7 }))
    expect(shards.flat().sort((a, b) => a - b)).toEqual(seedsOf(100, 50))
  })

  test('are those of its own', () => {
    expect(seedsOf(10, 7, { index: 1, count: 3 })).toEqual([11, 14])
  })
})

describe('--shard', () => {
  test('is i/n, counted from 0', () => {
    expect(parseShard('0/16')).toEqual({ index: 0, count: 16 })
    expect(parseShard('15/16')).toEqual({ index: 15, count: 16 })
  })

  test.each(['16/16', '1', '/2', '1/0', '-1/2', 'a/b', '1/2/3'])('%s is refused', (value) => {
    expect(() => parseShard(value)).toThrow('Give i/n')
  })
})

describe('--faults', () => {
  test('is a list of kinds', () => {
    expect(parseFaults('loss,diskError')).toEqual(['loss', 'diskError'])
  })

  test.each([
    '',
    'flood',
    'loss,',
    'loss;crash',
  ])("'%s' is refused, with the kinds that there are", (value) => {
    expect(() => parseFaults(value)).toThrow('loss, duplication')
  })
})
