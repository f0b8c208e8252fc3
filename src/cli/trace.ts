import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { Violation } from '../core/violation.ts'
import { inOrder, parseRecording, type RecordLine } from '../journal/recording.ts'
import { Divergence, Replay } from '../replay/replay.ts'
import { knownServices } from '../services/known.ts'
import { Failure } from './exit-codes.ts'
import { jsonOption } from './options.ts'
import { print, printJson } from './output.ts'

export function addTraceCommand(program: Command): void {
  program
    .command('trace <files...>')
    .description(
      'run again what `paxos node --record` wrote down, and see that every state comes out the same',
    )
    .addOption(new Option('--events', 'print the events of all servers, in order, a line of JSON each'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Give the recordings of all servers of one cluster, each made from its server's first start: then the invariants of the
protocol are judged too, and it is seen that nobody heard what nobody had said. What \`paxos inspect --record\` writes is
another thing, for the page.`,
    )
    .action(trace)
}

function trace(
  files: readonly string[],
  { events, json }: { readonly events?: boolean; readonly json?: boolean },
): void {
  const lines = inOrder(files.flatMap(read))
  if (events) {
    for (const line of lines) if ('event' in line) printJson({ node: line.node, event: line.event })
    return
  }
  const replay = replayOf(lines)
  try {
    for (const line of lines) replay.take(line)
  } catch (error) {
    if (error instanceof Divergence || error instanceof Violation) throw new Failure(error.message)
    throw error
  }
  const servers = new Set(lines.map(({ node }) => node)).size
  const { events: replayed, heard, isJudged } = replay
  if (json) printJson({ servers, events: replayed, heard, isJudged })
  else print(summary(servers, replayed, heard, isJudged))
}

function summary(servers: number, events: number, heard: number, isJudged: boolean): string {
  const judged = isJudged
    ? 'and no invariant is broken'
    : 'and the invariants were not judged, since not every founder was recorded from its first start'
  return `${servers} ${servers === 1 ? 'server' : 'servers'}, ${events} events: every state came out as recorded, ${heard} messages were heard that had been said, ${judged}`
}

function read(file: string): RecordLine[] {
  try {
    return parseRecording(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Failure(`${file}: ${(error as Error).message}`)
  }
}

function replayOf(lines: readonly RecordLine[]): Replay {
  const name = lines.find((line) => 'run' in line)?.run.service
  const service = Object.values(knownServices).find((known) => known.name === name) ?? knownServices.lock
  try {
    return new Replay(lines, service)
  } catch (error) {
    throw new Failure((error as Error).message)
  }
}
