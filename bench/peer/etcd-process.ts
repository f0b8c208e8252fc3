/** The client of etcd, in a process of its own. */
import { commonCommands, serve } from '../processes/commands.ts'
import { leaderOf, measureEtcdLoad } from './etcd-load.ts'

const commands = { ...commonCommands, leaderOf, load: measureEtcdLoad }
export type EtcdCommands = typeof commands

serve(commands)
