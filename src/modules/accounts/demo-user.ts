/** The account of the demo workspace, the same in every database, so that a token for it can be minted at any time. */
export const DEMO_USER = {
  id: '00000000-0000-4000-8000-000000000001',
  email: 'demo@runcast.example',
} as const;
