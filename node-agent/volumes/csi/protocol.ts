import type { GrpcMethod } from '../../grpc/client.ts';
import { parseSchema } from '../../grpc/schema.ts';

/**
 * What of the Container Storage Interface a kubelet uses, and how drivers register with it. Field numbers are facts of the
 * protocols. Source: container-storage-interface/spec csi.proto v1, k8s.io/kubelet pluginregistration/v1 api.proto.
 */
export const csiSchema = parseSchema(`
message Empty {}
message PluginInfo { string type = 1; string name = 2; string endpoint = 3; repeated string supportedVersions = 4; }
message RegistrationStatus { bool pluginRegistered = 1; string error = 2; }
message MountVolume { string fsType = 1; repeated string mountFlags = 2; string volumeMountGroup = 3; }
message AccessMode { int32 mode = 1; }
message VolumeCapability { Empty block = 1; MountVolume mount = 2; AccessMode accessMode = 3; }
message NodeStageVolumeRequest { string volumeId = 1; map<string, string> publishContext = 2; string stagingTargetPath = 3;
  VolumeCapability volumeCapability = 4; map<string, string> secrets = 5; map<string, string> volumeContext = 6; }
message NodeUnstageVolumeRequest { string volumeId = 1; string stagingTargetPath = 2; }
message NodePublishVolumeRequest { string volumeId = 1; map<string, string> publishContext = 2; string stagingTargetPath = 3; string targetPath = 4;
  VolumeCapability volumeCapability = 5; bool readonly = 6; map<string, string> secrets = 7; map<string, string> volumeContext = 8; }
message NodeUnpublishVolumeRequest { string volumeId = 1; string targetPath = 2; }
message CapacityRange { int64 requiredBytes = 1; int64 limitBytes = 2; }
message NodeExpandVolumeRequest { string volumeId = 1; string volumePath = 2; CapacityRange capacityRange = 3; string stagingTargetPath = 4;
  VolumeCapability volumeCapability = 5; map<string, string> secrets = 6; }
message NodeExpandVolumeResponse { int64 capacityBytes = 1; }
message NodeGetVolumeStatsRequest { string volumeId = 1; string volumePath = 2; string stagingTargetPath = 3; }
message VolumeUsage { int64 available = 1; int64 total = 2; int64 used = 3; int32 unit = 4; }
message VolumeCondition { bool abnormal = 1; string message = 2; }
message NodeGetVolumeStatsResponse { repeated VolumeUsage usage = 1; VolumeCondition volumeCondition = 2; }
message NodeServiceRpc { int32 type = 1; }
message NodeServiceCapability { NodeServiceRpc rpc = 1; }
message NodeGetCapabilitiesResponse { repeated NodeServiceCapability capabilities = 1; }
message Topology { map<string, string> segments = 1; }
message NodeGetInfoResponse { string nodeId = 1; int64 maxVolumesPerNode = 2; Topology accessibleTopology = 3; }
`);
const method = (service: string, name: string, request: string, response: string): GrpcMethod => ({
  path: `/${service}/${name}`,
  request,
  response,
});
const node = (name: string, request = `${name}Request`, response = 'Empty'): GrpcMethod =>
  method('csi.v1.Node', name, request, response);
export const REGISTRATION = {
  getInfo: method('pluginregistration.Registration', 'GetInfo', 'Empty', 'PluginInfo'),
  notify: method('pluginregistration.Registration', 'NotifyRegistrationStatus', 'RegistrationStatus', 'Empty'),
} as const;
export const NODE = {
  stage: node('NodeStageVolume'),
  unstage: node('NodeUnstageVolume'),
  publish: node('NodePublishVolume'),
  unpublish: node('NodeUnpublishVolume'),
  expand: node('NodeExpandVolume', 'NodeExpandVolumeRequest', 'NodeExpandVolumeResponse'),
  stats: node('NodeGetVolumeStats', 'NodeGetVolumeStatsRequest', 'NodeGetVolumeStatsResponse'),
  capabilities: node('NodeGetCapabilities', 'Empty', 'NodeGetCapabilitiesResponse'),
  info: node('NodeGetInfo', 'Empty', 'NodeGetInfoResponse'),
} as const;
/** Source: csi.proto NodeServiceCapability.RPC.Type. */
export const CAN = { stage: 1, stats: 2, expand: 3, condition: 4, multiWriter: 5, mountGroup: 6 } as const;
