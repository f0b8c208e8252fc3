import { type Command, Option } from 'commander'
import { visible } from '../core/visible.ts'
import type { LockToken } from '../services/lock-commands.ts'
import { ask, ending, type Patience } from './ask.ts'
import { exitCodes } from './exit-codes.ts'
import { defaultTimeoutMs, jsonOption, parseToken, serversOption, timeoutOption } from './options.ts'
import { print, printJson } from './output.ts'

export function addUnlockCommand(program: Command): void {
  program
    .command('unlock')
    .description(
      'free the lock NAME that is held under --token; without it, only one that was taken in plain text',
    )
    .argument('<NAME>', 'the name of the lock')
    .addOption(new Option('--token <TOKEN>', 'what paxos lock printed').argParser(parseToken))
    .addOption(serversOption())
    .addOption(timeoutOption(defaultTimeoutMs))
    .addOption(jsonOption())
    .action(ending(unlock))
}

async function unlock(
  name: string,
  { token, json, ...patience }: Patience & { readonly token?: LockToken; readonly json?: boolean },
): Promise<void> {
  const freed = await ask(patience, (client, signal) => client.locks.release(name, token, { signal }))
  if (!freed) process.exitCode = exitCodes.notHeld
  const shown = visible(name)
  if (json) printJson({ name, freed })
  else if (freed) print(`unlocked ${shown}`)
  else print(token === undefined ? `${shown} was not locked` : `${shown} is not held under token ${token}`)
}
