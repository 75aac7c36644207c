using MpibAgent.Interface;

namespace MpibAgent.Tests.Interface;

public sealed class HintReaderTests : IDisposable
{
    private readonly TempDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Disposed_of_it_says_so_and_once_more_is_nothing()
    {
        Write(HintLayout.SlotCount);
        var reader = new HintReader(_files["hints"]);
        Assert.Equal(0u, reader.Read(0).SupBw);
        reader.Dispose();
        reader.Dispose();
        Assert.Throws<ObjectDisposedException>(() => reader.Read(0));
        Assert.Throws<ObjectDisposedException>(() => reader.TryRead(0, 1, out _));
    }

    [Fact]
    public void A_region_of_another_layout_is_refused()
    {
        Write(HintLayout.SlotCount - 1);
        var fault = Assert.Throws<InvalidDataException>(() => new HintReader(_files["hints"]));
        Assert.EndsWith("expected the magic 4d504948 and 256 slots, found 4d504948 and 255", fault.Message, StringComparison.Ordinal);
    }

    private void Write(int slots)
    {
        var region = new byte[HintLayout.RegionSize];
        BitConverter.TryWriteBytes(region, HintLayout.Magic);
        BitConverter.TryWriteBytes(region.AsSpan(4), slots);
        File.WriteAllBytes(_files["hints"], region);
    }
}
