import { tokenOf } from '../../api.ts';
import { seededRandom } from '../../random.ts';
import { within } from '../within.ts';
import { Checker, type CheckerReport } from './checker.ts';
import type { Findings } from './findings.ts';
import { RENEWALS, SocketCaller } from './socket-caller.ts';
import { STRANGERS, tryOverSocket, tryOverStream } from './strangers.ts';
import { StreamCaller } from './stream-caller.ts';
import { type Field, subscriptionTo } from './subscription.ts';
import { type Membership, type Run, type Viewer, World } from './world.ts';

export type ProofOptions = {
  /** The same seed makes the same choices; when what happens is up to the machine. */
  seed: number;
  runsPerOwner: number;
  /** Looked at before each action, with how many there were. */
  isOver(actions: number): boolean;
  /** Spoils the server before anything happens, to see the proof fail. */
  spoil?(world: World): Promise<unknown>;
};

export type ProofReport = CheckerReport & {
  actions: Record<string, number>;
  /** What the server logged as an error. */
  serverErrors: Findings;
};

const SOCKETS_OF_OWNER = 5;
const SOCKETS_OF_SERVICE = 2;
const MAX_GOING = 25;
/** These are watched as much as all the others together, so that many share one stream. */
const POPULAR = 10;
/** Somebody is made to leave a tenant, or comes back, so often; 5 s of absence must be no rarity. */
const FLIP_MS = 400;
const DELIVERED_WITHIN_MS = 20_000;

/** Random subscribing, dropping, renewing, revoking and writing, under the eyes of a checker. */
export async function proveIsolation(options: ProofOptions): Promise<ProofReport> {
  const world = await World.open(options.runsPerOwner);
  try {
    await options.spoil?.(world);
    const chaos = new Chaos(world, options.seed);
    while (!options.isOver(chaos.count)) await chaos.act();
    return await chaos.settle();
  } finally {
    await world.close();
  }
}

type Action = () => Promise<unknown>;

class Chaos {
  count = 0;
  readonly #world: World;
  readonly #random: () => number;
  readonly #checker: Checker;
  readonly #sockets: SocketCaller[];
  readonly #streams: StreamCaller[];
  readonly #actions: Record<string, number> = {};
  #flippedAt = performance.now();

  /** How often each happens, beside the others. */
  readonly #choices: [weight: number, name: string, action: Action][] = [
    [30, 'subscribe', () => this.#subscribe()],
    [15, 'complete', () => this.#complete()],
    [30, 'append', () => this.#append()],
    [5, 'renew', () => this.#renew()],
    [2, 'renew as somebody else', () => this.#renewAsOther()],
    [3, 'drop', async () => this.#anyCaller().drop()],
    [1, 'end a run', () => this.#end()],
    [1, 'delete a run', () => this.#remove()],
    [5, 'stranger', () => this.#stranger()],
  ];

  constructor(world: World, seed: number) {
    this.#world = world;
    this.#random = seededRandom(seed);
    this.#checker = new Checker(world);
    const service: Viewer = { name: 'service', isService: true };
    const owners = world.owners.map((owner) => ({ name: owner.name, owner, isService: false }));
    const optionsOf = (viewer: Viewer) => ({
      ...{ viewer, url: world.api.url, checker: this.#checker, token: () => tokenFor(viewer) },
    });
    const sockets = (viewer: Viewer, count: number) =>
      Array.from({ length: count }, () => new SocketCaller(optionsOf(viewer)));
    this.#sockets = owners.flatMap((owner) => sockets(owner, SOCKETS_OF_OWNER));
    this.#sockets.push(...sockets(service, SOCKETS_OF_SERVICE));
    this.#streams = owners.map((owner) => new StreamCaller(optionsOf(owner)));
  }

  async act(): Promise<void> {
    this.count += 1;
    const [name, action] = this.#choose();
    this.#actions[name] = (this.#actions[name] ?? 0) + 1;
    await action();
  }

  /** Goes on writing until all that was revoked had its time, waits for what was written, and reports. */
  async settle(): Promise<ProofReport> {
    let isOver = false;
    const deadlines = this.#checker.deadlines().then(() => {
      isOver = true;
    });
    while (!isOver) await this.#append();
    await deadlines;
    for (const run of this.#writable()) await this.#world.append(run, 1);
    const delivered = this.#checker.everythingDelivered();
    await within(DELIVERED_WITHIN_MS, 'that everything was delivered', delivered).catch(() =>
      this.#checker.fault('not everything was delivered', this.#checker.behind().join('; ')),
    );
    for (const caller of [...this.#sockets, ...this.#streams]) caller.drop();
    const { serverErrors } = this.#world;
    return { ...this.#checker.report(), actions: this.#actions, serverErrors };
  }

  #choose(): [string, Action] {
    if (performance.now() - this.#flippedAt >= FLIP_MS) {
      this.#flippedAt = performance.now();
      const membership = this.#pick(this.#world.memberships);
      return membership.lostAt === undefined
        ? ['leave a tenant', () => this.#revoke(membership)]
        : ['come back', () => this.#world.restore(membership)];
    }
    let left = this.#random() * this.#choices.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, name, action] of this.#choices) {
      left -= weight;
      if (left < 0) return [name, action];
    }
    throw new Error('the weights do not add up');
  }

  async #subscribe(): Promise<void> {
    const caller = this.#anyCaller();
    if (caller.going().length >= MAX_GOING) return;
    const { viewer } = caller;
    const fields: Field[] = ['executionEvents', 'executionEvents', 'executionChanged', 'executionChanged'];
    // A list is of a user's own runs.
    if (!viewer.isService) fields.push('executionsChanged');
    const others = this.#random() < 0.1;
    const run = this.#anyRun(({ owner }) => viewer.isService || (owner === viewer.owner) !== others);
    await caller.subscribe(subscriptionTo(this.#pick(fields), viewer, run, this.#random));
  }

  async #complete(): Promise<void> {
    const caller = this.#anyCaller();
    const going = caller.going();
    if (going.length > 0) await caller.complete(this.#pick(going));
  }

  async #append(): Promise<void> {
    for (let i = 1 + this.#random() * 4; i > 0; i -= 1) {
      await this.#world.append(
        this.#anyRun(({ hasEnded }) => !hasEnded),
        1 + Math.floor(this.#random() * 3),
      );
    }
  }

  async #renew(): Promise<void> {
    const socket = this.#pick(this.#sockets);
    const outcome = await socket.renew(await tokenFor(socket.viewer), this.#pick(RENEWALS));
    if (outcome !== 'renewed') this.#checker.fault('a renewal was refused', outcome);
  }

  async #renewAsOther(): Promise<void> {
    const socket = this.#pick(this.#sockets.filter(({ viewer }) => !viewer.isService));
    const other = this.#pick(this.#world.owners.filter((owner) => owner !== socket.viewer.owner));
    const token = await tokenFor({ name: other.name, owner: other, isService: false });
    const outcome = await socket.renew(token, this.#pick(RENEWALS));
    if (outcome !== 'refused') this.#checker.fault('a renewal as somebody else was not refused', outcome);
  }

  async #end(): Promise<void> {
    const run = this.#anyRun(({ hasEnded }) => !hasEnded);
    await this.#world.end(run);
    await this.#world.start(run.owner, this.count);
  }

  async #remove(): Promise<void> {
    const run = this.#anyRun(() => true);
    await this.#world.remove(run);
    this.#checker.revoked(new Set([run]));
    await this.#world.start(run.owner, this.count);
  }

  async #revoke(membership: Membership): Promise<void> {
    await this.#world.revoke(membership, this.#pick(['suspended', 'removed', 'deleted']));
    const runs = this.#world.present().filter((run) => run.membership === membership);
    this.#checker.revoked(new Set(runs));
  }

  async #stranger(): Promise<void> {
    const run = this.#anyRun(() => true);
    const [name, tokenOfStranger] = this.#pick(Object.entries(STRANGERS));
    const viewer: Viewer = { name, isService: false };
    const field = this.#pick<Field>(['executionEvents', 'executionChanged', 'executionsChanged']);
    const attempt = {
      ...{ url: this.#world.api.url, checker: this.#checker, token: await tokenOfStranger(run.owner) },
      subscription: subscriptionTo(field, viewer, run, this.#random),
    };
    if (this.#random() < 0.3) await tryOverStream(attempt);
    else await tryOverSocket(attempt, this.#random() < 0.5);
  }

  #anyCaller(): SocketCaller | StreamCaller {
    return this.#pick([...this.#sockets, ...this.#streams]);
  }

  #anyRun(holds: (run: Run) => boolean): Run {
    const runs = this.#world.present().filter(holds);
    return this.#pick(this.#random() < 0.5 ? runs.slice(0, POPULAR) : runs);
  }

  #writable(): Run[] {
    return this.#world.present().filter(({ hasEnded }) => !hasEnded);
  }

  #pick<T>(list: readonly T[]): T {
    const item = list[Math.floor(this.#random() * list.length)];
    if (item === undefined) throw new Error('nothing to choose from');
    return item;
  }
}

function tokenFor({ owner, isService }: Viewer): Promise<string> {
  return isService
    ? tokenOf({ role: 'service_role' }, 3_600)
    : tokenOf({ role: 'authenticated', sub: owner?.user.id ?? '' }, 3_600);
}
