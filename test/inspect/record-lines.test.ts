import { expect, test } from 'vitest'
import { protocolVersion } from '../../src/inspect/records/protocol.ts'
import { parseRecords, recordingHead } from '../../src/inspect/records/record-lines.ts'

const gap = { kind: 'gap', node: 0, incarnation: 'a', run: '0.1', count: 1 }

test('a recording begins with its version', () => {
  expect(parseRecords(`${recordingHead}\n${JSON.stringify(gap)}\n`)).toEqual([gap])
  expect(parseRecords(`${recordingHead}\n`)).toEqual([])
  expect(parseRecords('')).toEqual([])
})

test.each([
  [JSON.stringify(gap), '1'],
  ['{"kind":"recording","version":9}', '9'],
])('a recording of another version is refused by name: %s', (head, version) => {
  expect(() => parseRecords(`${head}\n${JSON.stringify(gap)}\n`)).toThrow(
    `it is a recording of version ${version}, and this version of paxos shows version ${protocolVersion}`,
  )
})
