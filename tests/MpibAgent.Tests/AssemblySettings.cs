using Xunit.Sdk;
using Xunit.v3;

// One test at a time: a child that another test is starting holds, between fork and exec, every lock that this process holds.
[assembly: Parallelization(Mode = ParallelMode.None)]
