export const viewerRoles = ['anon', 'authenticated', 'service_role'] as const;
export type ViewerRole = (typeof viewerRoles)[number];

/** Who asks, as the policies in the database see it through `auth.uid()`, `auth.role()` and `auth.jwt()`. */
export type Claims = {
  role: ViewerRole;
  /** The account's id, a UUID; always there for `authenticated`. */
  sub?: string;
  email?: string;
  /** Seconds since the epoch. */
  exp?: number;
};

/** The values of the settings `role` and `request.jwt.claims`, in the order of `SET_VIEWER`. */
export type ClaimsSetting = readonly [role: string, claims: string];

/** Both last until the end of the transaction, so a connection forgets whom it served by itself. */
export const SET_VIEWER = "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)";

/** @throws {TypeError} on a role that nobody may take: claims come from tokens, types do not hold there */
export function claimsSetting(claims: Claims): ClaimsSetting {
  if (!viewerRoles.includes(claims.role)) throw new TypeError('A viewer needs one of the three known roles.');
  const { role, sub, email, exp } = claims;
  return [role, JSON.stringify({ role, sub, email, exp })];
}
