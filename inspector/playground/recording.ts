/** A recording of the inspector, a record a line, as `paxos inspect --record` and `paxos simulate --inspect` write it. */
import type { InspectorRecord } from '../../src/inspect/record.ts'

const kinds: ReadonlySet<string> = new Set([
  'cluster',
  'server',
  'gap',
  'process',
  'client',
  'verdict',
] satisfies InspectorRecord['kind'][])

/** True when the text seems to be a recording, and no transcript: it begins with an object. */
export function isRecording(text: string): boolean {
  return text.trimStart().startsWith('{')
}

/**
 * Its records. The last line may be cut short, as whoever wrote it was killed. Throws, with the number of the line, when
 * another is no record.
 */
export function readRecording(text: string): readonly InspectorRecord[] {
  const lines = text.split('\n')
  return lines.flatMap((line, place): InspectorRecord[] => {
    if (line.trim() === '') return []
    try {
      return [recordIn(line)]
    } catch (error) {
      if (place > 0 && place === lines.length - 1) return []
      throw new Error(`line ${place + 1} is no record of the inspector: ${(error as Error).message}`)
    }
  })
}

function recordIn(line: string): InspectorRecord {
  const value: unknown = JSON.parse(line)
  const kind = (value as { readonly kind?: unknown } | null)?.kind
  if (typeof kind !== 'string' || !kinds.has(kind)) throw new Error(`its kind is ${JSON.stringify(kind)}`)
  return value as InspectorRecord
}
