import { expect, test } from 'vitest'
import { parseQuota } from '../../src/cli/options.ts'
import { formatSize } from '../../src/cli/sizes.ts'

test('a size has its bytes, and its largest unit', () => {
  expect([0, 1, 284, 1_023].map(formatSize)).toEqual(['0 bytes', '1 byte', '284 bytes', '1023 bytes'])
  expect([1_024, 1_536, 20.5 * 2 ** 20, 2 ** 30, 1.25 * 2 ** 40].map(formatSize)).toEqual([
    '1024 bytes (1KiB)',
    '1536 bytes (1.5KiB)',
    '21495808 bytes (20.5MiB)',
    '1073741824 bytes (1GiB)',
    '1374389534720 bytes (1.3TiB)',
  ])
})

test('options read the units that are shown', () => {
  expect(['2097152', '2048KiB', '2MiB', '2GiB', '2TiB'].map(parseQuota)).toEqual([
    ...[2 ** 21, 2 ** 21, 2 ** 21, 2 ** 31, 2 ** 41],
  ])
})
