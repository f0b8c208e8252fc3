import type { Command } from 'commander'
import type { ShownSession } from '../client/index.ts'
import { visible } from '../core/visible.ts'
import { ask, ending, type Patience } from './ask.ts'
import { formatDuration } from './durations.ts'
import { exitCodes } from './exit-codes.ts'
import {
  defaultTimeoutMs,
  jsonOption,
  nowOption,
  parseSessionId,
  serversOption,
  timeoutOption,
} from './options.ts'
import { complain, formatTable, print, printJson } from './output.ts'

interface Options extends Patience {
  readonly json?: boolean
}

export function addSessionsCommand(program: Command): void {
  const sessions = program
    .command('sessions')
    .description('list the sessions of clients, each with what keeps it, or end one')
    .addHelpText(
      'after',
      `
A session ends, and frees what it holds, when its ttl has passed without a sign of life of its client. Plain-text clients have none.`,
    )
  const add = (usage: string, description: string, isDefault = false) =>
    sessions
      .command(usage, { isDefault })
      .description(description)
      .addOption(serversOption())
      .addOption(timeoutOption(defaultTimeoutMs))
      .addOption(jsonOption())
  add('list', 'list the sessions, in the order of their opening (the default)', true).action(
    ending(listSessions),
  )
  add('end', 'revoke the session ID: it ends when its ttl has run')
    .argument('<ID>', 'its id in the list, such as 12.0', parseSessionId)
    .addOption(nowOption('end it at once'))
    .action(ending(endSession))
}

async function listSessions({ json, ...patience }: Options): Promise<void> {
  const sessions = await ask(patience, (client, signal) => client.sessions.list({ signal }))
  if (json) printJson({ sessions })
  else print(formatTable(['SESSION', 'TTL', 'ENDS IN', 'WAITING', 'HOLDS', 'REVOKED'], sessions.map(rowOf)))
}

function rowOf({ id, ttlMs, endsInMs, waiting, holds, revoked }: ShownSession): string[] {
  return [
    id,
    formatDuration(ttlMs),
    formatDuration(endsInMs),
    String(waiting),
    holds ? 'yes' : 'no',
    revoked ? 'yes' : 'no',
  ]
}

async function endSession(
  id: string,
  { json, now = false, ...patience }: Options & { readonly now?: boolean },
): Promise<void> {
  const ended = await ask(patience, (client, signal) => client.sessions.end(id, { now, signal }))
  if (!ended.found) process.exitCode = exitCodes.failed
  if (json) printJson({ id, ...ended })
  else if (!ended.found) complain(`there is no session ${visible(id)}: paxos sessions lists them`)
  else if (now) print(`ended session ${id}`)
  else
    print(
      `revoked session ${id}: it ends in ${formatDuration(ended.endsInMs ?? 0)}, and frees then what it holds`,
    )
}
