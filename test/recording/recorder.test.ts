import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Recorder } from '../../src/journal/recorder.ts'
import { type EventRecord, inOrder, parseRecording } from '../../src/journal/recording.ts'

let directory: string
let path: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'paxos-recorder-'))
  path = join(directory, 'r.ndjson')
})

afterEach(() => rm(directory, { recursive: true }))

function fail(error: Error): never {
  throw error
}

function line(clock: number, node = 0): EventRecord {
  return { clock, nowMs: 0, node, event: { type: 'synced' }, roles: {} }
}

test('nothing is in the file before it is flushed, and everything after', async () => {
  const recorder = new Recorder(path, fail)
  recorder.record(line(1))
  recorder.record(line(2))
  expect(await readFile(path, 'utf8')).toBe('')
  recorder.flush()
  expect(parseRecording(await readFile(path, 'utf8'))).toEqual([line(1), line(2)])
  recorder.record(line(3))
  recorder.close()
  recorder.close()
  expect(parseRecording(await readFile(path, 'utf8'))).toEqual([line(1), line(2), line(3)])
})

test('a recording is gone on with, without what was cut short', async () => {
  await writeFile(path, `${JSON.stringify(line(7))}\n{"clock":8,"no`)
  const recorder = new Recorder(path, fail)
  expect(recorder.lastClock).toBe(7)
  recorder.record(line(8))
  recorder.close()
  expect(parseRecording(await readFile(path, 'utf8'))).toEqual([line(7), line(8)])
})

test('a file that holds something else is left alone', async () => {
  await writeFile(path, 'a letter\n')
  expect(() => new Recorder(path, fail)).toThrow('line 1 is no JSON: a letter')
  expect(await readFile(path, 'utf8')).toBe('a letter\n')
})

test('a full disk ends the recording, and is told once', () => {
  const failures: string[] = []
  const recorder = new Recorder('/dev/full', ({ message }) => failures.push(message))
  for (const clock of [1, 2]) {
    recorder.record(line(clock))
    recorder.flush()
  }
  recorder.close()
  expect(failures).toEqual([expect.stringContaining('ENOSPC')])
})

test.each([
  ['{"clock":1}', 'line 2 is no record of a server'],
  ['{"clock":1,"node":0,"event":{"type":"dance"},"roles":{}}', 'line 2 is no record of a server'],
  ['[]', 'line 2 is no record of a server'],
  ['{"kind":"gap"}', 'line 2 is of a recording of the inspector'],
  ['{', 'line 2 is no JSON'],
])('%s is no line of a recording', (text, message) => {
  expect(() => parseRecording(`${JSON.stringify(line(1))}\n${text}\n`)).toThrow(message)
})

test('lines of several servers are put in the order of their clocks, then of their servers', () => {
  expect(inOrder([line(2, 1), line(2, 0), line(1, 1), line(3, 0)])).toEqual([
    line(1, 1),
    line(2, 0),
    line(2, 1),
    line(3, 0),
  ])
})
