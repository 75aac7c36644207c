namespace MpibAgent.Tests;

/// <summary>A directory of the test's own, gone with it. Short, since it holds sockets.</summary>
internal sealed class TempDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("mpib-t").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
