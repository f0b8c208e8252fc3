import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Batch } from '../../machines/batch.ts'
import type { Execution } from '../../machines/outcome.ts'
import { ExecutedLog } from '../../src/node/executed-log.ts'

const empty: Batch = { node: 0, elapsedMs: 0, groups: [] }

test('tells which instances a snapshot replaced, at the start and later, and no others', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'executed-log-'))
  onTestFinished(() => rm(directory, { recursive: true }))
  const path = join(directory, 'executed.log')
  const log = new ExecutedLog(path, (error) => expect.fail(error.message))
  for (const instance of [20, 21, 30, 31]) log.record(empty, executionOf(instance))
  await log.close()
  expect(await readFile(path, 'utf8')).toBe('0-19 snapshot\n22-29 snapshot\n')
})

function executionOf(instance: number): Execution {
  const nothing = { fired: [], endedSessions: [], outcomes: [], freed: [], concerned: [] }
  return { instance, ...nothing, progressed: false, deadlineMs: null, members: null }
}
