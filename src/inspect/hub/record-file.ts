/** Records in a file, a line of JSON each. */
import { createWriteStream, openSync, type WriteStream } from 'node:fs'
import type { InspectorRecord } from '../record.ts'
import { recordFault } from '../record-shape.ts'

/** What waits to be written, at most, in bytes: a disk that is slower than the cluster ends the recording. */
const mostWaitingBytes = 64 * 1024 * 1024

/** Writes records to a new file. What it cannot write ends it, and the hub goes on. */
export class RecordWriter {
  readonly #file: WriteStream
  readonly #failed: (error: Error) => void
  #isOpen = true

  /** `failed` is called once, when nothing more can be written. Throws when the file cannot be made, or is there already. */
  constructor(path: string, failed: (error: Error) => void) {
    this.#failed = failed
    this.#file = createWriteStream(path, { fd: openSync(path, 'wx') })
    this.#file.on('error', (error) => this.#fail(error))
  }

  /** Writes the JSON of a record. */
  write(text: string): void {
    if (!this.#isOpen) return
    this.#file.write(`${text}\n`)
    if (this.#file.writableLength > mostWaitingBytes) this.#fail(new Error('the disk is too slow'))
  }

  close(): Promise<void> {
    this.#isOpen = false
    return new Promise((resolve) => {
      if (this.#file.destroyed) resolve()
      else this.#file.end(() => resolve())
    })
  }

  #fail(error: Error): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#file.destroy()
    this.#failed(error)
  }
}

/** The records of a file, in order; a last line that was cut short is left out. Throws an `Error` that names the line that is none. */
export function parseRecords(text: string): InspectorRecord[] {
  const whole = text.slice(0, text.lastIndexOf('\n') + 1)
  const lines = whole.split('\n').slice(0, -1)
  // A file that somebody wrote by hand may lack the last line's end.
  const rest = text.slice(whole.length)
  if (rest !== '' && isJson(rest)) lines.push(rest)
  return lines.map((line, index) => parseLine(line, index + 1))
}

function parseLine(text: string, number: number): InspectorRecord {
  if (!isJson(text)) throw new Error(`line ${number} is no JSON: ${text.slice(0, 80)}`)
  const record: unknown = JSON.parse(text)
  const fault = recordFault(record)
  if (fault !== null) throw new Error(`line ${number} is no record of the inspector: ${fault}`)
  return record as InspectorRecord
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
