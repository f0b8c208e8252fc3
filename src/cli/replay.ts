import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import type { Invariant } from '../core/invariants.ts'
import { Violation } from '../core/violation.ts'
import { inOrder, type JournalLine, parseJournal } from '../journal/journal-lines.ts'
import { Divergence, Replay } from '../replay/replay.ts'
import { knownService, knownServices } from '../services/known.ts'
import { Failure } from './exit-codes.ts'
import { jsonOption } from './options.ts'
import { print, printJson } from './output.ts'

export function addReplayCommand(program: Command): void {
  describe(program.command('replay <files...>'))
  // The name of the command in version 0.1.0.
  describe(program.command('trace <files...>', { hidden: true }))
}

function describe(command: Command): void {
  command
    .description('replay journals of `paxos node --journal`, and check that every state is the same')
    .addOption(new Option('--events', 'print the events of all servers in order, one JSON object a line'))
    .addOption(jsonOption())
    .addHelpText(
      'after',
      `
Give the journals of all servers of one cluster, each written from its server's first start. Then the command also judges the
invariants of the protocol, and checks that every received message had been sent. \`paxos inspect --record\` writes a different file, a
recording for the page.`,
    )
    .action(replayFiles)
}

function replayFiles(
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
  const { events: replayed, heard, judged } = replay
  if (json) printJson({ servers, events: replayed, heard, judged })
  else print(summary(servers, replayed, heard, judged))
}

function summary(servers: number, events: number, heard: number, judged: readonly Invariant[]): string {
  const verdict =
    judged.length > 0
      ? `and the invariants ${judged.join(' ')} hold`
      : 'and the invariants were not judged, because the journal of a founder does not begin at its first start'
  return `${servers} ${servers === 1 ? 'server' : 'servers'}, ${events} events: every state is as in the journals, ${heard} received messages had been sent, ${verdict}`
}

function read(file: string): JournalLine[] {
  try {
    return parseJournal(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new Failure(`${file}: ${(error as Error).message}`)
  }
}

function replayOf(lines: readonly JournalLine[]): Replay {
  const name = lines.find((line) => 'run' in line)?.run.service
  const service = (name === undefined ? null : knownService(name)) ?? knownServices.lock
  try {
    return new Replay(lines, service)
  } catch (error) {
    throw new Failure((error as Error).message)
  }
}
