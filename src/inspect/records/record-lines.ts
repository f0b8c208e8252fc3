/** A recording of the inspector as text: a line that names its version, then one JSON record a line. */
import { fieldOf } from './field-of.ts'
import { protocolVersion } from './protocol.ts'
import type { InspectorRecord } from './record.ts'
import { recordFault } from './record-fault.ts'

/** The first line of a recording. */
export const recordingHead = JSON.stringify({ kind: 'recording', version: protocolVersion })

/**
 * Parses the records of a file, in order. A truncated last line is ignored. Throws an `Error` that names the version of a recording
 * of another version, or the first line that is not a record.
 */
export function parseRecords(text: string): InspectorRecord[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const lines = whole.split('\n').slice(0, -1)
  // A file that was edited by hand may lack the last newline.
  const rest = text.slice(whole.length)
  if (rest !== '' && jsonIn(rest) !== undefined) lines.push(rest)
  const [head, ...records] = lines
  if (head !== undefined) checkHead(parseLine(head, 1))
  return records.map((line, index) => recordOf(parseLine(line, index + 2), index + 2))
}

/** Recordings of version 1 begin with a record. */
function checkHead(head: unknown): void {
  const version = fieldOf(head, 'kind') === 'recording' ? fieldOf(head, 'version') : 1
  if (version === protocolVersion) return
  throw new Error(
    `it is a recording of version ${JSON.stringify(version)}, and this version of paxos shows version ${protocolVersion}: show it with the version that wrote it`,
  )
}

function parseLine(text: string, number: number): unknown {
  const line = jsonIn(text)
  if (line === undefined) throw new Error(`line ${number} is not JSON: ${text.slice(0, 80)}`)
  if (isOfJournal(line)) {
    throw new Error(
      `line ${number} belongs to a journal of \`paxos node --journal\`, which \`paxos replay\` executes again; the inspector shows recordings of \`paxos inspect --record\``,
    )
  }
  return line
}

function recordOf(line: unknown, number: number): InspectorRecord {
  const fault = recordFault(line)
  if (fault !== null) throw new Error(`line ${number} is not a record of the inspector: ${fault}`)
  return line as InspectorRecord
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
