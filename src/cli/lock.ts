import type { Command } from 'commander'
import { visible } from '../core/visible.ts'
import { ask, ending, type Patience } from './ask.ts'
import { formatToken, jsonOption, serversOption, timeoutOption } from './options.ts'
import { print, printJson } from './output.ts'

export function addLockCommand(program: Command): void {
  program
    .command('lock')
    .description('wait for the lock NAME and take it; it is held until it is unlocked')
    .argument('<NAME>', 'the name of the lock')
    .addOption(serversOption())
    .addOption(timeoutOption(null))
    .addOption(jsonOption())
    .action(ending(lock))
}

async function lock(
  name: string,
  { json, ...patience }: Patience & { readonly json?: boolean },
): Promise<void> {
  const { token } = await ask(patience, (client, signal) => client.lock(name, { signal }))
  if (json) printJson({ name, token })
  else print(`locked ${visible(name)} token ${formatToken(token)}`)
}
