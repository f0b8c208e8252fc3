import type { Command } from 'commander'
import { ask, type Patience } from './ask.ts'
import { formatToken, jsonOption, serversOption, timeoutOption } from './options.ts'
import { print } from './output.ts'

export function addLockCommand(program: Command): void {
  program
    .command('lock')
    .description('wait for the lock NAME and take it; it is held until it is unlocked')
    .argument('<NAME>', 'the name of the lock')
    .addOption(serversOption())
    .addOption(timeoutOption(null))
    .addOption(jsonOption())
    .action(lock)
}

async function lock(
  name: string,
  { json, ...patience }: Patience & { readonly json?: boolean },
): Promise<void> {
  const { token } = await ask(patience, (client, signal) => client.lock(name, { signal }))
  print(json ? JSON.stringify({ name, token }) : `locked ${name} token ${formatToken(token)}`)
}
