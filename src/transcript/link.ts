/**
 * A schedule as the fragment of a URL, `#playground&…`. Everyone who opens the link sees the same cluster, so a link can be a bug
 * report. Browsers do not send the fragment to a server.
 */
import { base64, bytesOfBase64, textOf, utf8 } from '../core/bytes.ts'

/** The content of a link. */
export interface PlaygroundLink {
  /** A transcript, or only its commands. */
  readonly schedule: string | null
  /** The number of events of the schedule that have happened; `null` for all. */
  readonly at: number | null
  /** The seed of the random events that follow. */
  readonly seed: number | null
  /** The plan of a simulated run, as src/simulator/plan-file.ts writes it. The page runs the plan in place of a schedule. */
  readonly plan?: string | null
}

const mark = '#playground'

/** A schedule that is not longer than this is in the link without compression. */
const plainCharacters = 300

/** The greatest size of unpacked text. It is larger than any schedule. */
const mostBytes = 2_000_000

/** True when the fragment belongs to a playground. */
export function isPlaygroundLink(fragment: string): boolean {
  return fragment === mark || fragment.startsWith(`${mark}&`)
}

/** The fragment, with its `#`. */
export async function linkFragment({ schedule, at, seed, plan }: PlaygroundLink): Promise<string> {
  const parts: string[] = []
  if (seed !== null) parts.push(`seed=${seed}`)
  if (at !== null) parts.push(`at=${at}`)
  if (schedule !== null) parts.push(await scheduleField(schedule))
  if (plan != null) parts.push(`p=${await packed(plan)}`)
  return [mark, ...parts].join('&')
}

/** Parses a fragment. Throws an error that names the fault when the fragment is damaged or not that of a playground. */
export async function parseLink(fragment: string): Promise<PlaygroundLink> {
  if (!isPlaygroundLink(fragment)) throw new Error(`the link does not begin with ${mark}`)
  const fields = new Map(
    fragment
      .slice(mark.length + 1)
      .split('&')
      .map((field): [string, string] => {
        const end = field.indexOf('=')
        return end === -1 ? [field, ''] : [field.slice(0, end), field.slice(end + 1)]
      }),
  )
  const [plain, packed, plan] = [fields.get('t'), fields.get('z'), fields.get('p')]
  return {
    schedule: packed !== undefined ? await unpacked(packed) : plain !== undefined ? decoded(plain) : null,
    at: countIn('at', fields),
    seed: countIn('seed', fields),
    plan: plan === undefined ? null : await unpacked(plan),
  }
}

async function scheduleField(schedule: string): Promise<string> {
  const plain = encodeURIComponent(schedule.replaceAll('→', '->'))
  return plain.length <= plainCharacters ? `t=${plain}` : `z=${await packed(schedule)}`
}

function decoded(plain: string): string {
  try {
    return decodeURIComponent(plain)
  } catch {
    throw new Error('the schedule in the link is damaged: it has an invalid % escape')
  }
}

function countIn(name: string, fields: ReadonlyMap<string, string>): number | null {
  const text = fields.get(name)
  if (text === undefined) return null
  if (!/^\d{1,15}$/.test(text)) throw new Error(`${name} is "${text}" in the link: it must be a whole number`)
  return Number(text)
}

async function packed(text: string): Promise<string> {
  const bytes = await through(utf8(text), new CompressionStream('deflate-raw'))
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

async function unpacked(text: string): Promise<string> {
  try {
    const bytes = bytesOfBase64(text.replaceAll('-', '+').replaceAll('_', '/'))
    return textOf(await through(bytes, new DecompressionStream('deflate-raw')))
  } catch (error) {
    throw new Error(`the packed part of the link is damaged: ${(error as Error).message}`)
  }
}

async function through(
  bytes: Uint8Array,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array> {
  const writer = stream.writable.getWriter()
  const writing = writer.write(bytes as Uint8Array<ArrayBuffer>).then(() => writer.close())
  const [parts] = await Promise.all([partsOf(stream.readable), writing])
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

async function partsOf(readable: ReadableStream<Uint8Array>): Promise<readonly Uint8Array[]> {
  const parts: Uint8Array[] = []
  let length = 0
  const reader = readable.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return parts
    length += value.length
    if (length > mostBytes) throw new Error(`it unpacks to more than ${mostBytes} bytes`)
    parts.push(value)
  }
}
