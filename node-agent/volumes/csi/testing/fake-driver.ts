import { mkdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Fields } from '../../../grpc/schema.ts';
import { CAN, csiSchema, NODE, REGISTRATION } from '../protocol.ts';

/** A CSI driver that notes what it is told. Registers by a socket, which is also the one it serves. */
export interface FakeDriver {
  /** Method and request of each call of the node service, `getInfo` and `capabilities` left out. */
  readonly calls: [method: string, request: Fields][];
  /** What kubelets said of its registration. */
  readonly told: Fields[];
  /** Answers by method; what they throw is a gRPC error `{ code, details }`. */
  readonly instead: Map<keyof typeof NODE, (request: Fields) => Fields>;
  readonly can: Set<number>;
  readonly info: Record<string, unknown>;
  readonly versions: string[];
  stop(): Promise<void>;
}
export async function fakeDriver(name: string, socket: string): Promise<FakeDriver> {
  const { default: grpc } = await import('@grpc/grpc-js');
  const driver = {
    calls: [] as [string, Fields][],
    told: [] as Fields[],
    instead: new Map<keyof typeof NODE, (request: Fields) => Fields>(),
    can: new Set<number>([CAN.stage, CAN.expand]),
    info: { nodeId: 'id-1', maxVolumesPerNode: 7, accessibleTopology: { segments: { 'x.io/zone': 'z1' } } } as Record<string, unknown>, // prettier-ignore
    versions: ['1.0.0'],
  };
  const answer = (which: string, request: Fields): Fields => {
    if (which === 'getInfo') return { type: 'CSIPlugin', name, endpoint: socket, supportedVersions: driver.versions };
    if (which === 'notify') driver.told.push(request);
    const own = driver.instead.get(which as keyof typeof NODE);
    if (which === 'info') return own?.(request) ?? driver.info;
    if (which === 'capabilities') return { capabilities: [...driver.can].map((type) => ({ rpc: { type } })) };
    if (which !== 'notify') driver.calls.push([which, request]);
    return own?.(request) ?? {};
  };
  const server = new grpc.Server();
  const services = { 'pluginregistration.Registration': REGISTRATION, 'csi.v1.Node': NODE };
  for (const methods of Object.values(services)) {
    const definition: Record<string, unknown> = {};
    const handlers: Record<string, unknown> = {};
    for (const [which, { path, request, response }] of Object.entries(methods)) {
      definition[which] = {
        path,
        requestStream: false,
        responseStream: false,
        requestDeserialize: (bytes: Buffer) => csiSchema.decode(request, bytes),
        responseSerialize: (value: Fields) => csiSchema.encode(response, value),
      };
      handlers[which] = (call: { request: Fields }, done: (error: unknown, answer?: Fields) => void) => {
        try {
          done(null, answer(which, call.request));
        } catch (error) {
          done(error);
        }
      };
    }
    server.addService(definition as ServiceDefinition, handlers as UntypedServiceImplementation);
  }
  await mkdir(dirname(socket), { recursive: true });
  const open = Promise.withResolvers<void>();
  server.bindAsync(`unix:${socket}`, grpc.ServerCredentials.createInsecure(), (error) => error ? open.reject(error) : open.resolve()); // prettier-ignore
  await open.promise;
  return {
    ...driver,
    async stop() {
      server.forceShutdown();
      await rm(socket, { force: true });
    },
  };
}
