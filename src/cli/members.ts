import type { Command } from 'commander'
import type { Address, MembershipChange, NodeId } from '../../machines/batch.ts'
import type { ShownMember } from '../../machines/members.ts'
import { isQuorum } from '../../machines/quorum.ts'
import { UnexpectedResult } from '../client/index.ts'
import { ask, ending, type Patience } from './ask.ts'
import { exitCodes, Failure } from './exit-codes.ts'
import { hasAnswered, inquire, inquireOnce } from './inquire.ts'
import {
  defaultTimeoutMs,
  jsonOption,
  type MemberOption,
  parseMember,
  parseNodeId,
  serversOption,
  timeoutOption,
} from './options.ts'
import { formatTable, print, printJson } from './output.ts'
import { foundingText, mostKnowing, readFoundingReport, type StatusReport } from './status-report.ts'

/** The time that each other member has to confirm a removal or a move, in milliseconds. `--timeout` may leave less. */
const knowingTimeoutMs = 5_000

/** The time in which a server that runs answers an inquiry, in milliseconds. */
const presenceMs = 1_000

type Flags = Patience & { readonly json?: boolean }

export function addMembersCommand(program: Command): void {
  const members = program
    .command('members')
    .description('list, add, move or remove the servers of the cluster')
  const subcommand = (name: string, description: string) =>
    members
      .command(name)
      .description(description)
      .addOption(serversOption())
      .addOption(timeoutOption(defaultTimeoutMs))
      .addOption(jsonOption())
  subcommand('list', 'list the members, as the server with the latest state knows them').action(ending(list))
  subcommand(
    'add',
    'reserve an id and an address for a server that joins; it is counted once it has caught up',
  )
    .argument('<ID=HOST:PORT>', 'its number and address', parseMember)
    .action(ending(add))
  subcommand('remove', 'remove a server from the members')
    .argument('<ID>', 'its number', parseNodeId)
    .action(ending(remove))
  subcommand('move', 'give servers other addresses, all at once; each keeps its id and its directory')
    .argument(
      '<ID=HOST:PORT...>',
      'their numbers and new addresses',
      (value: string, before: readonly MemberOption[] | undefined) => [...(before ?? []), parseMember(value)],
    )
    .addHelpText(
      'after',
      `
A majority of the servers must run. Stop the server that moves, give the command, and start the server at its new address with
--listen and its directory. Where all servers move, or too many for a majority, start each with --addresses at its new address
first, and then give the command with all new addresses.`,
    )
    .action(ending(move))
}

async function list({ json, ...patience }: Flags): Promise<void> {
  const { members } = await knownBest(patience)
  if (json) return printJson({ members })
  print(
    formatTable(
      ['SERVER', 'ADDRESS', 'COUNTED'],
      members.map(({ id, address, counted }) => [
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
  if (json) return printJson(change)
  print(`added server ${id} at ${address}; it counts once it has joined:`)
  print(`  paxos node --id ${id} --listen ${address} --join ${patience.servers[0]} --data DIR`)
}

/**
 * Servers learn lazily, so the removed server may be the only one that knows the removal, and the others might not continue
 * without it. So this command also asks each of the others. The removed server may be stopped when a quorum has answered.
 */
async function remove(id: NodeId, { json, ...patience }: Flags): Promise<void> {
  const { timeout = defaultTimeoutMs } = patience
  const deadlineMs = performance.now() + timeout
  const change = { action: 'remove', id } as const
  const left = await carryOut(change, patience)
  const asked = left.filter(({ counted }) => counted)
  const counted = asked.map((member) => member.id)
  const leftMs = Math.max(1, Math.min(knowingTimeoutMs, deadlineMs - performance.now()))
  const confirmed = await Promise.all(
    asked.map(async ({ id: other, address }) => ((await knowsRemoval(address, id, leftMs)) ? [other] : [])),
  )
  const mayStop = isQuorum(counted, confirmed.flat())
  if (json) return printJson({ ...change, mayStop })
  const advice = mayStop ? 'it may be stopped' : 'do not stop it before more of the others answer'
  print(`removed server ${id}; ${advice}`)
}

/** A server that knows the removal executes the repeated request and reports that there is nothing to remove. */
async function knowsRemoval(address: Address, id: NodeId, timeout: number): Promise<boolean> {
  try {
    await carryOut({ action: 'remove', id }, { servers: [address], timeout })
    return false
  } catch (error) {
    return error instanceof Failure && error.exitCode === exitCodes.failed
  }
}

/**
 * Servers learn lazily, so the server that was asked may be the only one that knows the new addresses. If it stops, the others send
 * to the old ones. So this command also has each of the others execute the change, until a quorum knows it.
 */
async function move(servers: readonly MemberOption[], { json, ...patience }: Flags): Promise<void> {
  const { timeout = defaultTimeoutMs } = patience
  const deadlineMs = performance.now() + timeout
  const change = { action: 'move', servers } as const
  const asked = (await carryOut(change, patience)).filter(({ counted }) => counted)
  const leftMs = Math.max(1, Math.min(knowingTimeoutMs, deadlineMs - performance.now()))
  const confirmed = await Promise.all(
    asked.map(async ({ id, address }) => ((await knowsMove(address, change, leftMs)) ? [id] : [])),
  )
  const counted = asked.map(({ id }) => id)
  const isKnown = isQuorum(counted, confirmed.flat())
  if (json) return printJson({ ...change, isKnown })
  for (const { id, address } of servers) {
    const isThere = confirmed.flat().includes(id)
    print(isThere ? `moved server ${id} to ${address}` : `moved server ${id} to ${address}; start it there:`)
    if (!isThere) print(`  paxos node --id ${id} --listen ${address} --data DIR`)
  }
  if (!isKnown) {
    print(
      'do not stop another server yet: few of them know the new addresses. Give this command again when more run',
    )
  }
}

/** True when the server at `address` has executed the change. It executes the repeated request, which changes nothing. */
async function knowsMove(
  address: Address,
  change: Extract<MembershipChange, { action: 'move' }>,
  timeout: number,
): Promise<boolean> {
  try {
    // A server that has not started at its new address is not waited for.
    const [greeted] = await inquireOnce([address], Math.min(timeout, presenceMs))
    if (greeted === undefined || !hasAnswered(greeted)) return false
    await carryOut(change, { servers: [address], timeout })
    const [answer] = await inquireOnce([address], timeout)
    const known = answer?.report?.members ?? []
    return change.servers.every((server) =>
      known.some(({ id, address: at }) => id === server.id && at === server.address),
    )
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}

/** Returns the members after the change. */
async function carryOut(change: MembershipChange, patience: Patience): Promise<readonly ShownMember[]> {
  const { result } = await ask(patience, (client, signal) => client.changeMembers(change, { signal }))
  const { members } = Object(result) as { readonly members?: readonly ShownMember[] }
  if (!Array.isArray(members)) throw new UnexpectedResult('{ members: [...] }', result)
  return members
}

async function knownBest(patience: Patience): Promise<StatusReport> {
  const answers = await inquire(patience)
  const most = mostKnowing(answers.flatMap(({ report }) => report ?? []))
  if (most !== undefined) return most
  const [founding] = answers.flatMap(({ status }) => readFoundingReport(status) ?? [])
  if (founding !== undefined) throw new Failure(`there are no members yet: ${foundingText(founding)}`)
  throw new Failure('the servers answer with another version of paxos', exitCodes.failed)
}
