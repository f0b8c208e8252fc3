import type { Command } from 'commander'
import type { MembershipChange, NodeId } from '../../machines/batch.ts'
import { ask, type Patience } from './ask.ts'
import { exitCodes, Failure } from './exit-codes.ts'
import { inquire } from './inquire.ts'
import {
  defaultTimeoutMs,
  jsonOption,
  type MemberOption,
  parseMember,
  parseNodeId,
  serversOption,
  timeoutOption,
} from './options.ts'
import { formatTable, print } from './output.ts'
import type { Report } from './report.ts'

type Flags = Patience & { readonly json?: boolean }

export function addMembersCommand(program: Command): void {
  const members = program.command('members').description('list, add or remove the servers of the cluster')
  const subcommand = (name: string, description: string) =>
    members
      .command(name)
      .description(description)
      .addOption(serversOption())
      .addOption(timeoutOption(defaultTimeoutMs))
      .addOption(jsonOption())
  subcommand('list', 'the members, as the server that knows most has them').action(list)
  subcommand('add', 'name a server that is to join; it counts once it has joined and caught up')
    .argument('<ID=HOST:PORT>', 'its number and address', parseMember)
    .action(add)
  subcommand('remove', 'count a server no more').argument('<ID>', 'its number', parseNodeId).action(remove)
}

async function list({ json, ...patience }: Flags): Promise<void> {
  const { members } = await mostKnowing(patience)
  const rows = members.map(({ id, address, incarnation }) => ({ id, address, counted: incarnation !== null }))
  if (json) return print(JSON.stringify({ members: rows }))
  print(
    formatTable(
      ['SERVER', 'ADDRESS', 'COUNTED'],
      rows.map(({ id, address, counted }) => [
        String(id),
        address,
        counted ? 'yes' : 'not yet: it has to join',
      ]),
    ),
  )
}

async function add({ id, address }: MemberOption, { json, ...patience }: Flags): Promise<void> {
  const change = { action: 'add', id, address } as const
  await carryOut(change, patience)
  if (json) return print(JSON.stringify(change))
  print(`added server ${id} at ${address}; it counts once it has joined:`)
  print(`  paxos node --id ${id} --listen ${address} --join ${patience.servers[0]} --data DIR`)
}

async function remove(id: NodeId, { json, ...patience }: Flags): Promise<void> {
  const change = { action: 'remove', id } as const
  await carryOut(change, patience)
  print(json ? JSON.stringify(change) : `removed server ${id}; it may be stopped`)
}

async function carryOut(change: MembershipChange, patience: Patience): Promise<void> {
  await ask(patience, (client, signal) => client.changeMembers(change, { signal }))
}

/** Servers learn lazily: the one with the most instances chosen knows the latest members. */
async function mostKnowing(patience: Patience): Promise<Report> {
  const reports = (await inquire(patience)).flatMap(({ report }) => report ?? [])
  const [most] = reports.sort((a, b) => b.firstUnchosen - a.firstUnchosen)
  if (most !== undefined) return most
  throw new Failure('the servers answer in words of another version of paxos', exitCodes.failed)
}
