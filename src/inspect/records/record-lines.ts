/** A recording of the inspector as text: a record of JSON a line. */
import type { InspectorRecord } from './record.ts'
import { recordFault } from './record-fault.ts'

/** The records of a file, in order; a last line that was cut short is left out. Throws an `Error` that names the line that is none. */
export function parseRecords(text: string): InspectorRecord[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const lines = whole.split('\n').slice(0, -1)
  // A file that somebody wrote by hand may lack the last line's end.
  const rest = text.slice(whole.length)
  if (rest !== '' && jsonIn(rest) !== undefined) lines.push(rest)
  return lines.map((line, index) => parseLine(line, index + 1))
}

function parseLine(text: string, number: number): InspectorRecord {
  const record = jsonIn(text)
  if (record === undefined) throw new Error(`line ${number} is no JSON: ${text.slice(0, 80)}`)
  if (isOfJournal(record)) {
    throw new Error(
      `line ${number} is of a journal of \`paxos node --journal\`, which \`paxos replay\` runs again; the inspector shows recordings of \`paxos inspect --record\``,
    )
  }
  const fault = recordFault(record)
  if (fault !== null) throw new Error(`line ${number} is no record of the inspector: ${fault}`)
  return record as InspectorRecord
}

/** A line of a journal names a run or an event, and no kind. */
function isOfJournal(record: unknown): boolean {
  return typeof record === 'object' && record !== null && 'clock' in record && !('kind' in record)
}

/** What `text` is as JSON; `undefined` when it is none. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
