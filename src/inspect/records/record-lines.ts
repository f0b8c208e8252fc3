/** A recording of the inspector as text: one JSON record a line. */
import type { InspectorRecord } from './record.ts'
import { recordFault } from './record-fault.ts'

/**
 * Parses the records of a file, in order. A truncated last line is ignored. Throws an `Error` that names the first line that is
 * not a record.
 */
export function parseRecords(text: string): InspectorRecord[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const lines = whole.split('\n').slice(0, -1)
  // A file that was edited by hand may lack the last newline.
  const rest = text.slice(whole.length)
  if (rest !== '' && jsonIn(rest) !== undefined) lines.push(rest)
  return lines.map((line, index) => parseLine(line, index + 1))
}

function parseLine(text: string, number: number): InspectorRecord {
  const record = jsonIn(text)
  if (record === undefined) throw new Error(`line ${number} is not JSON: ${text.slice(0, 80)}`)
  if (isOfJournal(record)) {
    throw new Error(
      `line ${number} belongs to a journal of \`paxos node --journal\`, which \`paxos replay\` executes again; the inspector shows recordings of \`paxos inspect --record\``,
    )
  }
  const fault = recordFault(record)
  if (fault !== null) throw new Error(`line ${number} is not a record of the inspector: ${fault}`)
  return record as InspectorRecord
}

/** A line of a journal has a clock and no kind. */
function isOfJournal(record: unknown): boolean {
  return typeof record === 'object' && record !== null && 'clock' in record && !('kind' in record)
}

/** Parses `text` as JSON; `undefined` when it is not JSON. */
function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
