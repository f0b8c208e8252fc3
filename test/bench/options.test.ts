import { expect, test } from 'vitest'
import { parseBenchOptions, partNames } from '../../bench/options.ts'

test('without options every part runs', () => {
  expect(parseBenchOptions([])).toEqual({
    mode: 'parts',
    parts: partNames,
    against: '',
    rounds: 5,
    seconds: 1,
    requests: 2_000_000,
  })
})

test('options choose the mode, the parts and the length', () => {
  expect(parseBenchOptions(['--only', 'loss,floor', '--rounds', '7', '--seconds', '0.5'])).toEqual({
    ...{ mode: 'parts', parts: ['floor', 'loss'], against: '', rounds: 7, seconds: 0.5, requests: 2_000_000 },
  })
  expect(parseBenchOptions(['--profile']).mode).toBe('profile')
  expect(parseBenchOptions(['--against', '../old'])).toMatchObject({ mode: 'build', against: '../old' })
  expect(parseBenchOptions(['--peer', 'etcd']).mode).toBe('etcd')
  expect(parseBenchOptions(['--storage']).mode).toBe('storage')
  expect(parseBenchOptions(['--growth', '--requests', '5000'])).toMatchObject({
    mode: 'growth',
    requests: 5_000,
  })
})

test.each([
  [['--rounds', '2.5'], "--rounds must be a whole number above 0; received '2.5'"],
  [['--requests', '0.5'], "--requests must be a whole number above 0; received '0.5'"],
  [['--rounds', '0'], "--rounds must be a whole number above 0; received '0'"],
  [['--seconds', 'long'], "--seconds must be a number above 0; received 'long'"],
  [['--only', 'floor,speed'], "received 'speed'"],
  [['--peer', 'raft'], "--peer must be etcd; received 'raft'"],
  [
    ['--profile', '--storage'],
    '--only, --against, --peer, --storage, --profile and --growth exclude each other',
  ],
  [['--fast'], '--fast'],
])('%j is refused with the option and the value', (args, message) => {
  expect(() => parseBenchOptions(args)).toThrow(message)
})
