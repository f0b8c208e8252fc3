/**
 * Golden transcripts: each file of scenarios/ is run, and what happens must be what stands in it. After a change of
 * the protocol, `UPDATE_TRANSCRIPTS=1 npx vitest run test/scenarios.test.ts` writes them anew; what they say then is to be
 * read before it is committed. What a file expects (`expect`) must hold in any case, and so must the invariants.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isCommandLine, runTranscript } from '../src/transcript/file.ts'
import { writeTranscript } from '../src/transcript/write.ts'

const folder = join(import.meta.dirname, '../scenarios')
const files = readdirSync(folder).filter((name) => name.endsWith('.txt'))
const isUpdating = process.env.UPDATE_TRANSCRIPTS !== undefined
const textOf = (file: string) => readFileSync(join(folder, file), 'utf8')

test.each(files)('%s', (file) => {
  const { text, failure } = runTranscript(textOf(file))
  expect(failure).toBeNull()
  if (isUpdating) writeFileSync(join(folder, file), text)
  expect(text).toBe(textOf(file))
})

describe('the events of a transcript, written as a transcript', () => {
  test.each(files)('%s ends where the original does', (file) => {
    const original = runTranscript(textOf(file))
    const { settings, ending, snapshotEvery, events } = original.run
    const again = writeTranscript({
      ...{ servers: settings.founders.length, ending, snapshotEvery },
      ...{ about: [], events },
    })
    expect(again.failure).toBeNull()
    expect(again.run.events).toEqual(original.run.events)
    expect(again.run.state).toEqual(original.run.state)
    expect(runTranscript(again.text).text).toBe(again.text)
  })
})

test('each begins with what is to be seen in it, and shows something', () => {
  for (const file of files) {
    const lines = textOf(file).split('\n')
    const about = lines.slice(0, lines.findIndex(isCommandLine)).filter((line) => line.startsWith('#'))
    expect(about.join(' ').length, file).toBeGreaterThan(100)
    expect(lines.filter((line) => line.startsWith('expect ')).length, file).toBeGreaterThan(0)
  }
})
